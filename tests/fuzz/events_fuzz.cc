// Event decoding of every handler: bytes are the payload of each type there is.
#include <cstddef>
#include <cstdint>
#include <string>

#include "cook/adapters/cook_validation.h"
#include "delivery/adapters/delivery_validation.h"
#include "mypage/adapters/cook_events.h"
#include "mypage/adapters/delivery_events.h"
#include "mypage/adapters/order_events.h"
#include "order/adapters/cook_events.h"
#include "order/adapters/delivery_events.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::Claim;
using platform::events::Message;

constexpr const char* kTypes[] = {
    "restaurant.order.v1.Ordered",
    "restaurant.order.v1.OrderCancelPending",
    "restaurant.order.v1.OrderCancelRefused",
    "restaurant.order.v1.OrderCancelled",
    "restaurant.order.v1.OrderRejected",
    "restaurant.order.v1.OrderCompleted",
    "restaurant.cook.v1.CookStarted",
    "restaurant.cook.v1.CookQtyChecked",
    "restaurant.cook.v1.Cooked",
    "restaurant.cook.v1.CookCancelled",
    "restaurant.delivery.v1.DeliveryStarted",
    "restaurant.delivery.v1.Delivered",
    "restaurant.unknown.v1.Unheard",
};

// What cannot be read is parked: INVALID_ARGUMENT, and nothing else.
template <typename T>
bool Readable(const absl::StatusOr<T>& decoded) {
  if (decoded.ok()) return true;
  Claim(absl::IsInvalidArgument(decoded.status()), decoded.status().ToString());
  return false;
}

bool IsCanonical(const std::string& id) {
  return platform::ParseUuid(id) == id;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Message message;
  message.event_id = "0190b8a0-7d4e-7000-8000-000000000001";
  message.aggregate_id = "0190b8a0-7d4e-7000-8000-000000000002";
  message.version = 1;
  message.payload.assign(reinterpret_cast<const char*>(data), size);

  for (const char* type : kTypes) {
    message.type = type;
    for (auto* decode : {mypage::DecodeOrderEvent, mypage::DecodeCookEvent,
                         mypage::DecodeDeliveryEvent}) {
      const auto heard = decode(message);
      if (!Readable(heard) || !heard->has_value()) continue;
      Claim(IsCanonical((*heard)->order_id), "order_id");
      Claim((*heard)->entry.version > 0, "version");
    }
    for (auto* decode : {order::DecodeCookEvent, order::DecodeDeliveryEvent}) {
      const auto change = decode(message);
      if (Readable(change)) Claim(IsCanonical(change->order_id), "order_id");
    }
  }
  restaurant::order::v1::Ordered ordered;
  if (ordered.ParseFromString(message.payload)) {
    const auto order = cook::Checked(ordered);
    if (Readable(order)) {
      Claim(IsCanonical(order->order_id), "order_id");
      Claim(order->qty >= 1 && order->qty <= 100, "qty");
    }
  }
  restaurant::cook::v1::Cooked cooked;
  if (cooked.ParseFromString(message.payload)) {
    const auto parcel = delivery::Checked(cooked);
    if (Readable(parcel)) Claim(IsCanonical(parcel->order_id), "order_id");
  }
  return 0;
}
