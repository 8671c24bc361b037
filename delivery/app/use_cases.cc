#include "delivery/app/use_cases.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "platform/status/error.h"

namespace delivery {

void StartDeliveries(DeliveryStore& store, std::vector<Parcel> parcels,
                     absl::Time now) {
  std::vector<Delivery> deliveries;
  deliveries.reserve(parcels.size());
  for (Parcel& parcel : parcels) {
    deliveries.push_back(Delivery::Start(std::move(parcel), now));
  }
  if (!deliveries.empty()) store.Add(deliveries);
}

absl::StatusOr<Delivery> CompleteDelivery(DeliveryStore& store,
                                          absl::string_view order_id,
                                          absl::Time now) {
  std::optional<Delivery> delivery = store.Lock(order_id);
  if (!delivery.has_value()) return NoDelivery(order_id);
  delivery->Complete(now);
  if (absl::Status saved = store.Save({*delivery}); !saved.ok()) return saved;
  return *std::move(delivery);
}

absl::StatusOr<int> CompleteDue(DeliveryStore& store, absl::Time started_by,
                                int limit, absl::Time now) {
  std::vector<Delivery> deliveries = store.LockDue(started_by, limit);
  for (Delivery& delivery : deliveries) delivery.Complete(now);
  if (absl::Status saved = store.Save(deliveries); !saved.ok()) return saved;
  return static_cast<int>(deliveries.size());
}

absl::Status NoDelivery(absl::string_view order_id) {
  return platform::Error(
      absl::StatusCode::kNotFound, kDeliveryNotFound,
      absl::StrCat("There is no delivery of order ", order_id, "."),
      {{"order_id", order_id}});
}

}  // namespace delivery
