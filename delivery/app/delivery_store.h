// What the use cases need kept.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "delivery/domain/delivery.h"

namespace delivery {

// Deliveries, within one transaction. What is locked stays locked until it
// ends.
class DeliveryStore {
 public:
  virtual ~DeliveryStore() = default;

  // Writes new deliveries with their facts. One whose order has a delivery
  // already is left out, fact and all.
  virtual void Add(absl::Span<const Delivery> deliveries) = 0;

  // Locks and returns the delivery of an order.
  virtual std::optional<Delivery> Lock(absl::string_view order_id) = 0;

  // Locks and returns up to `limit` STARTED deliveries that were started no
  // later than `started_by`, the oldest first; skips those that somebody else
  // has locked.
  virtual std::vector<Delivery> LockDue(absl::Time started_by, int limit) = 0;

  // Writes what changed of locked deliveries, with their facts.
  virtual absl::Status Save(absl::Span<const Delivery> deliveries) = 0;
};

}  // namespace delivery
