#include "newcomer/adapters/order_events.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "newcomer/adapters/pg_heard_order_store.h"
#include "newcomer/app/use_cases.h"
#include "platform/grpc/time.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace newcomer {
namespace {

namespace v1 = ::restaurant::order::v1;
using platform::events::Message;

absl::Status Unreadable(const Message& message, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      message.type, " ", message.event_id, " cannot be read: ", why));
}

absl::StatusOr<HeardOrder> HeardOf(const Message& message,
                                   const v1::Order& order) {
  const std::optional<std::string> id = platform::ParseUuid(order.order_id());
  if (!id.has_value()) return Unreadable(message, "its order_id is no UUID");
  if (order.version() <= 0) return Unreadable(message, "it has no version");
  // ORDER_STATUS_ORDERED is ORDERED; one that we have no name for is its
  // number.
  const std::string name = v1::OrderStatus_IsValid(order.status())
                               ? v1::OrderStatus_Name(order.status())
                               : absl::StrCat(order.status());
  return HeardOrder{
      .order_id = *id,
      .customer_id = order.customer_id(),
      .status = std::string(absl::StripPrefix(name, "ORDER_STATUS_")),
      .version = order.version(),
      .changed = platform::rpc::FromProto(order.modified_date())};
}

// Every event of an order carries the whole order.
template <typename EventT>
absl::StatusOr<std::optional<HeardOrder>> Read(const Message& message) {
  EventT event;
  if (!event.ParseFromString(message.payload)) {
    return Unreadable(message, "it is no such message");
  }
  absl::StatusOr<HeardOrder> heard = HeardOf(message, event.order());
  if (!heard.ok()) return heard.status();
  return *std::move(heard);
}

absl::StatusOr<std::optional<HeardOrder>> Decode(const Message& message) {
  const absl::string_view type = message.type;
  if (type == "restaurant.order.v1.Ordered") return Read<v1::Ordered>(message);
  if (type == "restaurant.order.v1.OrderCancelPending") {
    return Read<v1::OrderCancelPending>(message);
  }
  if (type == "restaurant.order.v1.OrderCancelRefused") {
    return Read<v1::OrderCancelRefused>(message);
  }
  if (type == "restaurant.order.v1.OrderCancelled") {
    return Read<v1::OrderCancelled>(message);
  }
  if (type == "restaurant.order.v1.OrderRejected") {
    return Read<v1::OrderRejected>(message);
  }
  if (type == "restaurant.order.v1.OrderCompleted") {
    return Read<v1::OrderCompleted>(message);
  }
  return std::nullopt;
}

}  // namespace

absl::Status HandleOrderEvents(pqxx::work& tx,
                               absl::Span<const Message> messages) {
  std::vector<HeardOrder> heard;
  heard.reserve(messages.size());
  for (const Message& message : messages) {
    absl::StatusOr<std::optional<HeardOrder>> order = Decode(message);
    if (!order.ok()) return order.status();
    if (order->has_value()) heard.push_back(**std::move(order));
  }
  PgHeardOrderStore store(tx);
  Hear(store, std::move(heard));
  return absl::OkStatus();
}

}  // namespace newcomer
