#include "delivery/domain/delivery.h"

namespace delivery {

absl::string_view Name(DeliveryStatus status) {
  switch (status) {
    case DeliveryStatus::kStarted:
      return "STARTED";
    case DeliveryStatus::kDelivered:
      return "DELIVERED";
  }
  return "";
}

std::optional<DeliveryStatus> ParseDeliveryStatus(absl::string_view name) {
  for (const DeliveryStatus status :
       {DeliveryStatus::kStarted, DeliveryStatus::kDelivered}) {
    if (name == Name(status)) return status;
  }
  return std::nullopt;
}

Delivery Delivery::Start(Parcel parcel, absl::Time now) {
  Delivery delivery(
      {.parcel = std::move(parcel), .created = now, .modified = now});
  delivery.fact_ = DeliveryStarted{};
  return delivery;
}

Delivery Delivery::Restore(DeliveryData data) {
  Delivery delivery(std::move(data));
  delivery.stored_version_ = delivery.data_.version;
  return delivery;
}

void Delivery::Complete(absl::Time now) {
  if (data_.status == DeliveryStatus::kDelivered) return;
  data_.status = DeliveryStatus::kDelivered;
  data_.modified = now;
  ++data_.version;
  fact_ = Delivered{};
}

}  // namespace delivery
