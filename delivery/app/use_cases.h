// What the courier can be asked and told: one function each. Pure; run them in
// one transaction.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "delivery/app/delivery_store.h"
#include "delivery/domain/delivery.h"

namespace delivery {

// Starts to deliver `parcels`. One whose delivery was started before is left
// alone.
void StartDeliveries(DeliveryStore& store, std::vector<Parcel> parcels,
                     absl::Time now);

// Says that an order was handed over. Idempotent. Fails with `NOT_FOUND`
// (DELIVERY_NOT_FOUND).
absl::StatusOr<Delivery> CompleteDelivery(DeliveryStore& store,
                                          absl::string_view order_id,
                                          absl::Time now);

// Completes up to `limit` deliveries that were started no later than
// `started_by`. Returns how many.
absl::StatusOr<int> CompleteDue(DeliveryStore& store, absl::Time started_by,
                                int limit, absl::Time now);

// `NOT_FOUND` (DELIVERY_NOT_FOUND).
absl::Status NoDelivery(absl::string_view order_id);

}  // namespace delivery
