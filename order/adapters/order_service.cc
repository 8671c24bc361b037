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

OrderServiceImpl::OrderServiceImpl(platform::Executor& executor,
                                   platform::pg::Pool& pool,
                                   PlaceOrderBatcher& batcher,
                                   OrderCanceller& canceller,
                                   platform::Clock now)
    : executor_(executor),
      pool_(pool),
      batcher_(batcher),
      canceller_(canceller),
      now_(std::move(now)) {}

grpc::ServerUnaryReactor* OrderServiceImpl::PlaceOrder(
    grpc::CallbackServerContext* context, const v1::PlaceOrderRequest* request,
    v1::PlaceOrderResponse* response) {
  auto* call = new rpc::Call(context, "PlaceOrder");
  absl::StatusOr<PlaceInput> input =
      Validate(*request, call->Metadata("idempotency-key"));
  if (!input.ok()) {
    call->Finish(input.status());
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
  absl::StatusOr<std::string> id = Validate(*request);
  if (!id.ok()) return rpc::Answer(context, "GetOrder", id.status());
  return rpc::Run(
      executor_, Priority::kUrgent, context, "GetOrder",
      [this, id = *std::move(id), response](rpc::Call& call) -> absl::Status {
        call.SetAggregateId(id);
        return pool_.Read([&](pqxx::nontransaction& tx) {
          absl::StatusOr<OrderState> order = FindOrder(tx, id);
          if (order.ok()) ToProto(*order, response->mutable_order());
          return order.status();
        });
      });
}

grpc::ServerUnaryReactor* OrderServiceImpl::ListOrders(
    grpc::CallbackServerContext* context, const v1::ListOrdersRequest* request,
    v1::ListOrdersResponse* response) {
  absl::StatusOr<ListInput> input = Validate(*request);
  if (!input.ok()) return rpc::Answer(context, "ListOrders", input.status());
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
  absl::StatusOr<CancelInput> input = Validate(*request);
  if (!input.ok()) {
    call->Finish(input.status());
    return call;
  }
  call->SetAggregateId(input->order_id);
  canceller_.Cancel(
      {std::move(input->order_id), std::move(input->reason),
       std::string(kByCustomer), call->trace().Traceparent(), call->deadline()},
      [call, response](absl::StatusOr<OrderState> order) {
        if (order.ok()) {
          ToProto(*order, response->mutable_order());
        }
        call->Finish(order.status());
      });
  return call;
}

}  // namespace order
