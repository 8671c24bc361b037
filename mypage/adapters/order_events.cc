#include "mypage/adapters/order_events.h"

#include "mypage/adapters/apply_events.h"
#include "platform/grpc/time.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace mypage {
namespace {

namespace order_v1 = ::restaurant::order::v1;
using platform::events::Message;

absl::StatusOr<std::optional<Heard>> OrderHeard(const Message& message,
                                                const order_v1::Order& order,
                                                absl::string_view status,
                                                absl::string_view by,
                                                absl::string_view reason) {
  Header header{order.customer_id(), order.restaurant_id(),
                order.restaurant_menu_id(), order.qty(), std::nullopt};
  if (order.has_create_date()) {
    header.created = platform::rpc::FromProto(order.create_date());
  }
  return HeardOf(message, order.order_id(), header, Source::kOrder,
                 order.version(), static_cast<int32_t>(order.status()), status,
                 by, reason);
}

// All but the first have who and most have why.
template <typename EventT>
absl::StatusOr<std::optional<Heard>> ReadOrder(const Message& message,
                                               absl::string_view status) {
  EventT event;
  if (!event.ParseFromString(message.payload)) {
    return Malformed(message, "it is no such message");
  }
  absl::string_view reason;
  if constexpr (requires { event.reason(); }) reason = event.reason();
  return OrderHeard(message, event.order(), status, event.by(), reason);
}

}  // namespace

absl::StatusOr<std::optional<Heard>> DecodeOrderEvent(const Message& message) {
  const absl::string_view type = message.type;
  if (type == "restaurant.order.v1.Ordered") {
    order_v1::Ordered event;
    if (!event.ParseFromString(message.payload)) {
      return Malformed(message, "it is no such message");
    }
    return OrderHeard(message, event.order(), "ORDERED", "customer", "");
  }
  if (type == "restaurant.order.v1.OrderCancelPending") {
    return ReadOrder<order_v1::OrderCancelPending>(message, "CANCEL_PENDING");
  }
  if (type == "restaurant.order.v1.OrderCancelRefused") {
    return ReadOrder<order_v1::OrderCancelRefused>(message, "CANCEL_REFUSED");
  }
  if (type == "restaurant.order.v1.OrderCancelled") {
    return ReadOrder<order_v1::OrderCancelled>(message, "CANCELLED");
  }
  if (type == "restaurant.order.v1.OrderRejected") {
    return ReadOrder<order_v1::OrderRejected>(message, "REJECTED");
  }
  if (type == "restaurant.order.v1.OrderCompleted") {
    return ReadOrder<order_v1::OrderCompleted>(message, "COMPLETED");
  }
  return std::nullopt;
}

absl::Status HandleOrderEvents(pqxx::work& tx,
                               absl::Span<const Message> messages) {
  return ApplyMessages(tx, Source::kOrder, DecodeOrderEvent, messages);
}

}  // namespace mypage
