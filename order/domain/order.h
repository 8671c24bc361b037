// The order: what the customer asked for and what became of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace order {

enum class OrderStatus {
  kOrdered,
  kCompleted,
  kRejected,
  kCancelled,
  kCancelPending
};

// "ORDERED", "CANCEL_PENDING", …: as stored, and as shown to people.
absl::string_view Name(OrderStatus status);
std::optional<OrderStatus> ParseOrderStatus(absl::string_view name);

// Who did it.
inline constexpr absl::string_view kByCustomer = "customer";
inline constexpr absl::string_view kByKitchen = "kitchen";
inline constexpr absl::string_view kByCourier = "courier";
inline constexpr absl::string_view kByOperator = "operator";

// The kitchen's reasons.
inline constexpr absl::string_view kAlreadyCooked = "ALREADY_COOKED";
inline constexpr absl::string_view kQuantityOver = "QUANTITY_OVER";

// What is known of an order.
struct OrderState {
  std::string id;  // UUIDv7, lower case
  int32_t customer_id = 0;
  int32_t restaurant_id = 0;
  int32_t restaurant_menu_id = 0;
  int32_t qty = 0;
  OrderStatus status = OrderStatus::kOrdered;
  int32_t version = 0;  // 1 when placed, one more with every change of status
  absl::Time created;
  absl::Time modified;        // when `status` last changed
  std::string reason;         // of the end, or of a cancel's refusal
  std::string cancel_reason;  // of a cancel that is pending; else empty
  std::string cancel_by;      // likewise
  friend bool operator==(const OrderState&, const OrderState&) = default;
};

// What happened to an order.
struct Ordered {
  friend bool operator==(const Ordered&, const Ordered&) = default;
};
struct CancelPending {
  std::string reason, by;
  friend bool operator==(const CancelPending&, const CancelPending&) = default;
};
struct CancelRefused {
  std::string reason, by;
  friend bool operator==(const CancelRefused&, const CancelRefused&) = default;
};
struct Cancelled {
  std::string reason, by;
  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};
struct Rejected {
  std::string reason, by;
  friend bool operator==(const Rejected&, const Rejected&) = default;
};
struct Completed {
  std::string by;
  friend bool operator==(const Completed&, const Completed&) = default;
};

// One change, with the order as it was after it.
struct Fact {
  std::variant<Ordered, CancelPending, CancelRefused, Cancelled, Rejected,
               Completed>
      what;
  OrderState after;
};

// An order, from the moment it is placed.
//
//   ORDERED --> COMPLETED | REJECTED | CANCELLED | CANCEL_PENDING
//   CANCEL_PENDING --> CANCELLED | REJECTED | COMPLETED | ORDERED
//
// COMPLETED, REJECTED and CANCELLED are final. A step that has already been
// taken succeeds and changes nothing, so a message that arrives twice does no
// harm. A step that the diagram does not show fails with
// `FAILED_PRECONDITION` (`ORDER_COMPLETED`, `ORDER_REJECTED`,
// `ORDER_CANCELLED`) and the detail `status`.
//
// Not thread-safe; an order lives inside one transaction.
class Order {
 public:
  // What a customer asks for. Checked before: ids > 0, qty 1 to 100.
  struct Wish {
    int32_t customer_id = 0;
    int32_t restaurant_id = 0;
    int32_t restaurant_menu_id = 0;
    int32_t qty = 0;
  };
  static Order Place(std::string id, const Wish& wish, absl::Time now);

  // Rebuilds an order from storage. Records no fact.
  static Order Restore(OrderState state);

  // The courier handed it over.
  absl::Status Complete(absl::string_view by, absl::Time now);
  // The kitchen cannot cook it.
  absl::Status Reject(absl::string_view reason, absl::string_view by,
                      absl::Time now);
  // The ticket is cancelled.
  absl::Status Cancel(absl::string_view reason, absl::string_view by,
                      absl::Time now);
  // A cancel was asked for, and the kitchen's answer is awaited.
  absl::Status AwaitCancel(absl::string_view reason, absl::string_view by,
                           absl::Time now);
  // The kitchen said no to a pending cancel.
  absl::Status RefuseCancel(absl::string_view reason, absl::string_view by,
                            absl::Time now);

  const OrderState& state() const { return state_; }
  // The version it was restored with; 0 if it is new.
  int32_t loaded_version() const { return loaded_version_; }
  // What happened since, in order.
  const std::vector<Fact>& facts() const { return facts_; }

 private:
  Order() = default;
  // Returns false if the order is there already.
  absl::StatusOr<bool> MoveTo(OrderStatus next, absl::Time now);

  OrderState state_;
  int32_t loaded_version_ = 0;
  std::vector<Fact> facts_;
};

// "It is too late": `FAILED_PRECONDITION` with `reason` and the order's present
// status as the detail `status`.
absl::Status TooLate(absl::string_view reason, const OrderState& order);

// The reason of a final status: ORDER_COMPLETED, ORDER_REJECTED or
// ORDER_CANCELLED.
absl::string_view FinalReason(OrderStatus status);

}  // namespace order
