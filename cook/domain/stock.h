// The stock of one menu item, and the ledger of its movements. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cook {

// The most that can be on hand, in portions.
inline constexpr int32_t kMaxOnHand = 1'000'000;

// One item of a restaurant's menu: what stock is kept of. Sorts in the order in
// which stock rows are locked.
struct Item {
  int32_t restaurant_id = 0;
  int32_t restaurant_menu_id = 0;

  friend auto operator<=>(const Item&, const Item&) = default;
};

// Why stock moved.
enum class MovementKind {
  kSet,     // counted by the kitchen
  kTake,    // an order was begun
  kReturn,  // an order that was begun was cancelled
};

// "set", "take", "return".
absl::string_view Name(MovementKind kind);

// One entry of the ledger. The sum of an item's deltas is what is on hand.
struct Movement {
  MovementKind kind = MovementKind::kSet;
  int32_t delta = 0;
  std::string order_id;  // empty for kSet

  friend bool operator==(const Movement&, const Movement&) = default;
};

// How many portions of one item are on hand: 0 to kMaxOnHand.
//
// Not thread-safe; a stock lives inside one transaction that has locked it.
class Stock {
 public:
  // An item that was never stocked: nothing on hand.
  explicit Stock(Item item) : item_(item) {}

  // Rebuilds a stock from storage. Records no movement.
  static Stock Restore(Item item, int32_t on_hand, absl::Time modified);

  // Takes `qty` (> 0) portions for an order. Returns false, and changes
  // nothing, if that many are not on hand.
  bool Take(absl::string_view order_id, int32_t qty, absl::Time now);

  // Puts back the `qty` (> 0) portions that an order took. What would exceed
  // kMaxOnHand is not counted; the movement says what was.
  void Return(absl::string_view order_id, int32_t qty, absl::Time now);

  // Says that `on_hand` (0 to kMaxOnHand) portions were counted. The movement
  // is the difference; there is none if the count was as expected.
  void Set(int32_t on_hand, absl::Time now);

  const Item& item() const { return item_; }
  int32_t on_hand() const { return on_hand_; }
  // When it last changed; nothing if it was never stocked.
  std::optional<absl::Time> modified() const { return modified_; }
  // What moved since it was restored, in order.
  const std::vector<Movement>& movements() const { return movements_; }

 private:
  void Move(MovementKind kind, absl::string_view order_id, int32_t delta,
            absl::Time now);

  Item item_;
  int32_t on_hand_ = 0;
  std::optional<absl::Time> modified_;
  std::vector<Movement> movements_;
};

}  // namespace cook
