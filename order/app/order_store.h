// What the use cases need kept.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "order/domain/order.h"

namespace order {

// Orders, bound to one transaction. Not thread-safe.
class OrderStore {
 public:
  virtual ~OrderStore() = default;

  // Loads those of `ids` that exist, for change: nobody else changes them until
  // the transaction ends. In any order; `ids` may repeat.
  virtual absl::StatusOr<std::vector<Order>> Load(
      absl::Span<const std::string> ids) = 0;

  // Writes what changed, and the facts with it. Fails with `ABORTED` if
  // somebody else changed one of them since it was loaded.
  virtual absl::Status Save(absl::Span<const Order> orders) = 0;
};

}  // namespace order
