#include "mypage/adapters/delivery_events.h"

#include "mypage/adapters/apply_events.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"

namespace mypage {
namespace {

namespace delivery_v1 = ::restaurant::delivery::v1;
using platform::events::Message;

template <typename EventT>
absl::StatusOr<std::optional<Heard>> ReadDelivery(const Message& message,
                                                  absl::string_view status) {
  EventT event;
  if (!event.ParseFromString(message.payload)) {
    return Malformed(message, "it is no such message");
  }
  const delivery_v1::Delivery& delivery = event.delivery();
  return HeardOf(message, delivery.order_id(),
                 {delivery.customer_id(), delivery.restaurant_id(),
                  delivery.restaurant_menu_id(), delivery.qty(), std::nullopt},
                 Source::kDelivery, delivery.version(),
                 static_cast<int32_t>(delivery.status()), status, event.by(),
                 "");
}

}  // namespace

absl::StatusOr<std::optional<Heard>> DecodeDeliveryEvent(
    const Message& message) {
  const absl::string_view type = message.type;
  if (type == "restaurant.delivery.v1.DeliveryStarted") {
    return ReadDelivery<delivery_v1::DeliveryStarted>(message,
                                                      "DELIVERY_STARTED");
  }
  if (type == "restaurant.delivery.v1.Delivered") {
    return ReadDelivery<delivery_v1::Delivered>(message, "DELIVERED");
  }
  return std::nullopt;
}

absl::Status HandleDeliveryEvents(pqxx::work& tx,
                                  absl::Span<const Message> messages) {
  return ApplyMessages(tx, Source::kDelivery, DecodeDeliveryEvent, messages);
}

}  // namespace mypage
