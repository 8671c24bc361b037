// What the use cases need kept.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "mypage/domain/mypage_view.h"

namespace mypage {

// The views, inside one transaction. Callers name orders sorted by id, so that
// everybody locks in one order.
class MypageStore {
 public:
  virtual ~MypageStore() = default;

  // Those of the orders that have a view. Locks nothing.
  virtual absl::StatusOr<absl::flat_hash_set<std::string>> Known(
      absl::Span<const std::string> order_ids) = 0;
  // Adds the views of orders that have none and returns those orders. Leaves
  // the others alone.
  virtual absl::StatusOr<absl::flat_hash_set<std::string>> Insert(
      absl::Span<const MypageView* const> views) = 0;
  // Loads and locks.
  virtual absl::StatusOr<std::vector<MypageView>> Load(
      absl::Span<const std::string> order_ids) = 0;
  // Overwrites views that exist.
  virtual absl::Status Update(absl::Span<const MypageView> views) = 0;
};

}  // namespace mypage
