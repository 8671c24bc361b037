// What the use cases need kept.
#pragma once

#include "absl/types/span.h"

#include "newcomer/domain/heard_order.h"

namespace newcomer {

class HeardOrderStore {
 public:
  virtual ~HeardOrderStore() = default;

  // Keeps each of `orders` unless a later version is kept already. They are of
  // different orders, by order id.
  virtual void KeepLatest(absl::Span<const HeardOrder> orders) = 0;
};

}  // namespace newcomer
