#include "order/adapters/order_service.h"

#include <string>
#include <utility>
#include <vector>

#include "order/adapters/order_events.h"
#include "order/adapters/order_proto.h"
#include "order/adapters/order_validation.h"
#include "order/adapters/pg_order_store.h"
#include "platform/grpc/call.h"
#include "platform/page/page_token.h"
#include "platform/uuid/uuid.h"

namespace order {

namespace rpc = platform::rpc;
using platform::Priority;
using platform::auth::Caller;
using platform::auth::NotYours;

OrderServiceImpl::OrderServiceImpl(const platform::auth::Access& access,
                                   platform::Executor& executor,
                                   platform::pg::Pool& pool,
                                   PlaceOrderBatcher& batcher,
                                   OrderCanceller& canceller,
                                   platform::Clock now)
    : access_(access),
      executor_(executor),
      pool_(pool),
      batcher_(batcher),
      canceller_(canceller),
      now_(std::move(now)) {}

grpc::ServerUnaryReactor* OrderServiceImpl::PlaceOrder(
    grpc::CallbackServerContext* context, const v1::PlaceOrderRequest* request,
    v1::PlaceOrderResponse* response) {
  auto* call = new rpc::Call(context, "PlaceOrder");
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "PlaceOrder");
  if (!caller.ok()) {
    call->Finish(caller.status());
    return call;
  }
  absl::StatusOr<PlaceInput> input =
      Validate(*request, call->Metadata("idempotency-key"));
  if (!input.ok()) {
    call->Finish(input.status());
    return call;
  }
  if (!caller->Is(input->wish.customer_id)) {
    call->Finish(NotYours("customer_id"));
    return call;
  }
  const absl::Time now = now_();
  const Order order = Order::Place(platform::NewUuid(now), input->wish, now);
  absl::Status queued = batcher_.Place(
      {order.state(), std::move(input->request_id),
       ToEvent(order.facts().front(), call->trace().Traceparent())},
      call->deadline(), [call, response](absl::StatusOr<OrderState> placed) {
        if (placed.ok()) {
          call->SetAggregateId(placed->id);
          ToProto(*placed, response->mutable_order());
        }
        call->Finish(placed.status());
      });
  if (!queued.ok()) call->Finish(queued);
  return call;
}

grpc::ServerUnaryReactor* OrderServiceImpl::GetOrder(
    grpc::CallbackServerContext* context, const v1::GetOrderRequest* request,
    v1::GetOrderResponse* response) {
  absl::StatusOr<Caller> caller = access_.Admit(*context, "GetOrder");
  if (!caller.ok()) return rpc::Answer(context, "GetOrder", caller.status());
  absl::StatusOr<std::string> id = Validate(*request);
  if (!id.ok()) return rpc::Answer(context, "GetOrder", id.status());
  return rpc::Run(executor_, Priority::kUrgent, context, "GetOrder",
                  [this, caller = *std::move(caller), id = *std::move(id),
                   response](rpc::Call& call) -> absl::Status {
                    call.SetAggregateId(id);
                    return pool_.Read([&](pqxx::nontransaction& tx) {
                      absl::StatusOr<OrderState> order = FindOrder(tx, id);
                      if (!order.ok()) return order.status();
                      if (!caller.Is(order->customer_id))
                        return OrderNotFound(id);
                      ToProto(*order, response->mutable_order());
                      return absl::OkStatus();
                    });
                  });
}

grpc::ServerUnaryReactor* OrderServiceImpl::ListOrders(
    grpc::CallbackServerContext* context, const v1::ListOrdersRequest* request,
    v1::ListOrdersResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "ListOrders");
  if (!caller.ok()) return rpc::Answer(context, "ListOrders", caller.status());
  absl::StatusOr<ListInput> input = Validate(*request);
  if (!input.ok()) return rpc::Answer(context, "ListOrders", input.status());
  if (!caller->Is(input->customer_id)) {
    return rpc::Answer(context, "ListOrders", NotYours("customer_id"));
  }
  return rpc::Run(
      executor_, Priority::kUrgent, context, "ListOrders",
      [this, input = *std::move(input), response](rpc::Call&) -> absl::Status {
        std::vector<OrderState> orders;
        absl::Status read = pool_.Read([&](pqxx::nontransaction& tx) {
          // One more than the page tells whether there is another.
          orders = order::ListOrders(tx, input.customer_id, input.status,
                                     input.before, input.page_size + 1);
          return absl::OkStatus();
        });
        if (!read.ok()) return read;
        const auto page_size = static_cast<size_t>(input.page_size);
        if (orders.size() > page_size) {
          orders.resize(page_size);
          response->set_next_page_token(
              platform::EncodePageToken(input.scope, orders.back().id));
        }
        for (const OrderState& order : orders) {
          ToProto(order, response->add_orders());
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* OrderServiceImpl::CancelOrder(
    grpc::CallbackServerContext* context, const v1::CancelOrderRequest* request,
    v1::CancelOrderResponse* response) {
  auto* call = new rpc::Call(context, "CancelOrder");
  absl::StatusOr<Caller> caller = access_.Admit(*context, "CancelOrder");
  if (!caller.ok()) {
    call->Finish(caller.status());
    return call;
  }
  absl::StatusOr<CancelInput> input = Validate(*request);
  if (!input.ok()) {
    call->Finish(input.status());
    return call;
  }
  call->SetAggregateId(input->order_id);
  canceller_.Cancel(
      {.order_id = std::move(input->order_id),
       .may_cancel =
           [caller = *std::move(caller)](const OrderState& order) {
             return caller.Is(order.customer_id);
           },
       .reason = std::move(input->reason),
       .by = std::string(kByCustomer),
       .traceparent = call->trace().Traceparent(),
       .deadline = call->deadline()},
      [call, response](absl::StatusOr<OrderState> order) {
        if (order.ok()) {
          ToProto(*order, response->mutable_order());
        }
        call->Finish(order.status());
      });
  return call;
}

}  // namespace order
