#include "order/adapters/cook_events.h"

#include "order/adapters/event_changes.h"
#include "restaurant/cook/v1/cook_events.pb.h"

namespace order {
namespace {

namespace cook_v1 = ::restaurant::cook::v1;
using platform::events::Message;

}  // namespace

absl::StatusOr<Change> DecodeCookEvent(const Message& message) {
  if (message.type == "restaurant.cook.v1.CookQtyChecked") {
    cook_v1::CookQtyChecked event;
    if (!event.ParseFromString(message.payload)) return Malformed(message);
    return ChangeOf(
        message, event.ticket().order_id(),
        [reason = event.reason(), by = event.by(), at = platform::Now()](
            Order& order) { return order.Reject(reason, by, at); });
  }
  if (message.type == "restaurant.cook.v1.CookCancelled") {
    cook_v1::CookCancelled event;
    if (!event.ParseFromString(message.payload)) return Malformed(message);
    return ChangeOf(
        message, event.ticket().order_id(),
        [reason = event.reason(), by = event.by(), at = platform::Now()](
            Order& order) { return order.Cancel(reason, by, at); });
  }
  return Malformed(message);
}

absl::Status HandleCookEvents(pqxx::work& tx,
                              absl::Span<const Message> messages) {
  return ApplyEvents(tx, messages, DecodeCookEvent);
}

}  // namespace order
