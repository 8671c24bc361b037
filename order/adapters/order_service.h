// gRPC in: request → use case → response.
#pragma once

#include "order/adapters/cancel_order.h"
#include "order/adapters/place_order_batcher.h"
#include "platform/auth/access.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"
#include "restaurant/order/v1/order_service.grpc.pb.h"

namespace order {

namespace v1 = ::restaurant::order::v1;

// The OrderService of proto/restaurant/order/v1/order_service.proto.
// Thread-safe.
class OrderServiceImpl final : public v1::OrderService::CallbackService {
 public:
  // All must outlive the service.
  OrderServiceImpl(const platform::auth::Access& access,
                   platform::Executor& executor, platform::pg::Pool& pool,
                   PlaceOrderBatcher& batcher, OrderCanceller& canceller,
                   platform::Clock now);

  grpc::ServerUnaryReactor* PlaceOrder(
      grpc::CallbackServerContext* context,
      const v1::PlaceOrderRequest* request,
      v1::PlaceOrderResponse* response) override;
  grpc::ServerUnaryReactor* GetOrder(grpc::CallbackServerContext* context,
                                     const v1::GetOrderRequest* request,
                                     v1::GetOrderResponse* response) override;
  grpc::ServerUnaryReactor* ListOrders(
      grpc::CallbackServerContext* context,
      const v1::ListOrdersRequest* request,
      v1::ListOrdersResponse* response) override;
  grpc::ServerUnaryReactor* CancelOrder(
      grpc::CallbackServerContext* context,
      const v1::CancelOrderRequest* request,
      v1::CancelOrderResponse* response) override;

 private:
  const platform::auth::Access& access_;
  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  PlaceOrderBatcher& batcher_;
  OrderCanceller& canceller_;
  const platform::Clock now_;
};

}  // namespace order
