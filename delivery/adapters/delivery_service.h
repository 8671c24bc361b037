// gRPC in: request → use case → response.
#pragma once

#include "platform/auth/access.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"
#include "restaurant/delivery/v1/delivery_service.grpc.pb.h"

namespace delivery {

namespace v1 = ::restaurant::delivery::v1;

// The DeliveryService of proto/restaurant/delivery/v1/delivery_service.proto.
// Thread-safe.
class DeliveryService final : public v1::DeliveryService::CallbackService {
 public:
  // All must outlive the service; `pool`'s connections must have been prepared
  // with PrepareStatements().
  DeliveryService(const platform::auth::Access& access,
                  platform::pg::Pool& pool, platform::Executor& executor,
                  platform::Clock clock);

  grpc::ServerUnaryReactor* GetDelivery(
      grpc::CallbackServerContext* context,
      const v1::GetDeliveryRequest* request,
      v1::GetDeliveryResponse* response) override;
  grpc::ServerUnaryReactor* ListDeliveries(
      grpc::CallbackServerContext* context,
      const v1::ListDeliveriesRequest* request,
      v1::ListDeliveriesResponse* response) override;
  grpc::ServerUnaryReactor* CompleteDelivery(
      grpc::CallbackServerContext* context,
      const v1::CompleteDeliveryRequest* request,
      v1::CompleteDeliveryResponse* response) override;

 private:
  const platform::auth::Access& access_;
  platform::pg::Pool& pool_;
  platform::Executor& executor_;
  const platform::Clock clock_;
};

}  // namespace delivery
