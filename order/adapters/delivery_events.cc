#include "order/adapters/delivery_events.h"

#include "order/adapters/event_changes.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"

namespace order {
namespace {

namespace delivery_v1 = ::restaurant::delivery::v1;
using platform::events::Message;

}  // namespace

absl::StatusOr<Change> DecodeDeliveryEvent(const Message& message) {
  if (message.type == "restaurant.delivery.v1.Delivered") {
    delivery_v1::Delivered event;
    if (!event.ParseFromString(message.payload)) return Malformed(message);
    return ChangeOf(message, event.delivery().order_id(),
                    [by = event.by(), at = platform::Now()](Order& order) {
                      return order.Complete(by, at);
                    });
  }
  return Malformed(message);
}

absl::Status HandleDeliveryEvents(pqxx::work& tx,
                                  absl::Span<const Message> messages) {
  return ApplyEvents(tx, messages, DecodeDeliveryEvent);
}

}  // namespace order
