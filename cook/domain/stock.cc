#include "cook/domain/stock.h"

#include <algorithm>

namespace cook {

absl::string_view Name(MovementKind kind) {
  switch (kind) {
    case MovementKind::kSet:
      return "set";
    case MovementKind::kTake:
      return "take";
    case MovementKind::kReturn:
      return "return";
  }
  return "";
}

Stock Stock::Restore(Item item, int32_t on_hand, absl::Time modified) {
  Stock stock(item);
  stock.on_hand_ = on_hand;
  stock.modified_ = modified;
  return stock;
}

bool Stock::Take(absl::string_view order_id, int32_t qty, absl::Time now) {
  if (qty > on_hand_) return false;
  Move(MovementKind::kTake, order_id, -qty, now);
  return true;
}

void Stock::Return(absl::string_view order_id, int32_t qty, absl::Time now) {
  // The kitchen may have counted up to the limit since these were taken.
  Move(MovementKind::kReturn, order_id, std::min(qty, kMaxOnHand - on_hand_),
       now);
}

void Stock::Set(int32_t on_hand, absl::Time now) {
  if (on_hand == on_hand_) return;
  Move(MovementKind::kSet, "", on_hand - on_hand_, now);
}

void Stock::Move(MovementKind kind, absl::string_view order_id, int32_t delta,
                 absl::Time now) {
  on_hand_ += delta;
  modified_ = now;
  movements_.push_back(
      {.kind = kind, .delta = delta, .order_id = std::string(order_id)});
}

}  // namespace cook
