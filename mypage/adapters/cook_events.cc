#include "mypage/adapters/cook_events.h"

#include "mypage/adapters/apply_events.h"
#include "restaurant/cook/v1/cook_events.pb.h"

namespace mypage {
namespace {

namespace cook_v1 = ::restaurant::cook::v1;
using platform::events::Message;

template <typename EventT>
absl::StatusOr<std::optional<Heard>> ReadTicket(const Message& message,
                                                absl::string_view status) {
  EventT event;
  if (!event.ParseFromString(message.payload)) {
    return Malformed(message, "it is no such message");
  }
  absl::string_view reason;
  if constexpr (requires { event.reason(); }) reason = event.reason();
  const cook_v1::Ticket& ticket = event.ticket();
  return HeardOf(message, ticket.order_id(),
                 {ticket.customer_id(), ticket.restaurant_id(),
                  ticket.restaurant_menu_id(), ticket.qty(), std::nullopt},
                 Source::kCook, ticket.version(),
                 static_cast<int32_t>(ticket.status()), status, event.by(),
                 reason);
}

}  // namespace

absl::StatusOr<std::optional<Heard>> DecodeCookEvent(const Message& message) {
  const absl::string_view type = message.type;
  if (type == "restaurant.cook.v1.CookStarted") {
    return ReadTicket<cook_v1::CookStarted>(message, "COOKING");
  }
  if (type == "restaurant.cook.v1.Cooked") {
    return ReadTicket<cook_v1::Cooked>(message, "COOKED");
  }
  if (type == "restaurant.cook.v1.CookQtyChecked") {
    return ReadTicket<cook_v1::CookQtyChecked>(message, "QTY_OVER");
  }
  if (type == "restaurant.cook.v1.CookCancelled") {
    return ReadTicket<cook_v1::CookCancelled>(message, "COOK_CANCELLED");
  }
  return std::nullopt;
}

absl::Status HandleCookEvents(pqxx::work& tx,
                              absl::Span<const Message> messages) {
  return ApplyMessages(tx, Source::kCook, DecodeCookEvent, messages);
}

}  // namespace mypage
