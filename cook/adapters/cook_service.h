// The gRPC API of the kitchen: request → use case → response.
#pragma once

#include "platform/auth/access.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"
#include "restaurant/cook/v1/cook_service.grpc.pb.h"

namespace cook {

// Thread-safe. What the RPCs mean is said in cook_service.proto.
class CookService final
    : public ::restaurant::cook::v1::CookService::CallbackService {
 public:
  // All must outlive the service; `pool`'s connections must have been prepared
  // with PrepareTicketStore(), PrepareTicketQueries() and
  // events::PrepareOutbox().
  CookService(const platform::auth::Access& access, platform::pg::Pool& pool,
              platform::Executor& executor, platform::Clock clock);

  grpc::ServerUnaryReactor* CancelTicket(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::CancelTicketRequest* request,
      ::restaurant::cook::v1::CancelTicketResponse* response) override;
  grpc::ServerUnaryReactor* ListCancellations(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::ListCancellationsRequest* request,
      ::restaurant::cook::v1::ListCancellationsResponse* response) override;
  grpc::ServerUnaryReactor* GetTicket(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::GetTicketRequest* request,
      ::restaurant::cook::v1::GetTicketResponse* response) override;
  grpc::ServerUnaryReactor* ListTickets(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::ListTicketsRequest* request,
      ::restaurant::cook::v1::ListTicketsResponse* response) override;
  grpc::ServerUnaryReactor* FinishCooking(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::FinishCookingRequest* request,
      ::restaurant::cook::v1::FinishCookingResponse* response) override;
  grpc::ServerUnaryReactor* GetStock(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::GetStockRequest* request,
      ::restaurant::cook::v1::GetStockResponse* response) override;
  grpc::ServerUnaryReactor* SetStock(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::SetStockRequest* request,
      ::restaurant::cook::v1::SetStockResponse* response) override;
  grpc::ServerUnaryReactor* ListStock(
      grpc::CallbackServerContext* context,
      const ::restaurant::cook::v1::ListStockRequest* request,
      ::restaurant::cook::v1::ListStockResponse* response) override;

 private:
  const platform::auth::Access& access_;
  platform::pg::Pool& pool_;
  platform::Executor& executor_;
  const platform::Clock clock_;
};

}  // namespace cook
