#include "order/domain/order.h"

#include "absl/strings/str_cat.h"

#include "platform/status/error.h"

namespace order {
namespace {

// The whole life cycle, in one place.
bool Allowed(OrderStatus from, OrderStatus to) {
  switch (from) {
    case OrderStatus::kOrdered:
    case OrderStatus::kCancelPending:
      // Each can become any other.
      return to != from;
    case OrderStatus::kCompleted:
    case OrderStatus::kRejected:
    case OrderStatus::kCancelled:
      return false;
  }
  return false;
}

}  // namespace

absl::string_view Name(OrderStatus status) {
  switch (status) {
    case OrderStatus::kOrdered:
      return "ORDERED";
    case OrderStatus::kCompleted:
      return "COMPLETED";
    case OrderStatus::kRejected:
      return "REJECTED";
    case OrderStatus::kCancelled:
      return "CANCELLED";
    case OrderStatus::kCancelPending:
      return "CANCEL_PENDING";
  }
  return "";
}

std::optional<OrderStatus> ParseOrderStatus(absl::string_view name) {
  for (OrderStatus status :
       {OrderStatus::kOrdered, OrderStatus::kCompleted, OrderStatus::kRejected,
        OrderStatus::kCancelled, OrderStatus::kCancelPending}) {
    if (Name(status) == name) return status;
  }
  return std::nullopt;
}

absl::string_view FinalReason(OrderStatus status) {
  switch (status) {
    case OrderStatus::kCompleted:
      return "ORDER_COMPLETED";
    case OrderStatus::kRejected:
      return "ORDER_REJECTED";
    case OrderStatus::kCancelled:
      return "ORDER_CANCELLED";
    case OrderStatus::kOrdered:
    case OrderStatus::kCancelPending:
      break;
  }
  return "";
}

absl::Status TooLate(absl::string_view reason, const OrderState& order) {
  return platform::Error(
      absl::StatusCode::kFailedPrecondition, reason,
      absl::StrCat("It is too late for order ", order.id, ", which is ",
                   Name(order.status), ": ", reason, "."),
      {{"order_id", order.id}, {"status", Name(order.status)}});
}

Order Order::Place(std::string id, const Wish& wish, absl::Time now) {
  Order order;
  order.state_.id = std::move(id);
  order.state_.customer_id = wish.customer_id;
  order.state_.restaurant_id = wish.restaurant_id;
  order.state_.restaurant_menu_id = wish.restaurant_menu_id;
  order.state_.qty = wish.qty;
  order.state_.status = OrderStatus::kOrdered;
  order.state_.version = 1;
  order.state_.created = now;
  order.state_.modified = now;
  order.facts_.push_back({Ordered{}, order.state_});
  return order;
}

Order Order::Restore(OrderState state) {
  Order order;
  order.loaded_version_ = state.version;
  order.state_ = std::move(state);
  return order;
}

absl::Status Order::Complete(absl::string_view by, absl::Time now) {
  absl::StatusOr<bool> moved = MoveTo(OrderStatus::kCompleted, now);
  if (!moved.ok() || !*moved) return moved.status();
  facts_.push_back({Completed{std::string(by)}, state_});
  return absl::OkStatus();
}

absl::Status Order::Reject(absl::string_view reason, absl::string_view by,
                           absl::Time now) {
  absl::StatusOr<bool> moved = MoveTo(OrderStatus::kRejected, now);
  if (!moved.ok() || !*moved) return moved.status();
  state_.reason = std::string(reason);
  facts_.push_back({Rejected{std::string(reason), std::string(by)}, state_});
  return absl::OkStatus();
}

absl::Status Order::Cancel(absl::string_view reason, absl::string_view by,
                           absl::Time now) {
  absl::StatusOr<bool> moved = MoveTo(OrderStatus::kCancelled, now);
  if (!moved.ok() || !*moved) return moved.status();
  state_.reason = std::string(reason);
  facts_.push_back({Cancelled{std::string(reason), std::string(by)}, state_});
  return absl::OkStatus();
}

absl::Status Order::AwaitCancel(absl::string_view reason, absl::string_view by,
                                absl::Time now) {
  absl::StatusOr<bool> moved = MoveTo(OrderStatus::kCancelPending, now);
  if (!moved.ok() || !*moved) return moved.status();
  state_.reason.clear();
  state_.cancel_reason = std::string(reason);
  state_.cancel_by = std::string(by);
  facts_.push_back(
      {CancelPending{std::string(reason), std::string(by)}, state_});
  return absl::OkStatus();
}

absl::Status Order::RefuseCancel(absl::string_view reason, absl::string_view by,
                                 absl::Time now) {
  absl::StatusOr<bool> moved = MoveTo(OrderStatus::kOrdered, now);
  if (!moved.ok() || !*moved) return moved.status();
  state_.reason = std::string(reason);
  facts_.push_back(
      {CancelRefused{std::string(reason), std::string(by)}, state_});
  return absl::OkStatus();
}

absl::StatusOr<bool> Order::MoveTo(OrderStatus next, absl::Time now) {
  if (state_.status == next) return false;
  if (!Allowed(state_.status, next)) {
    return TooLate(FinalReason(state_.status), state_);
  }
  state_.status = next;
  state_.modified = now;
  ++state_.version;
  // Only a pending cancel has these.
  state_.cancel_reason.clear();
  state_.cancel_by.clear();
  return true;
}

}  // namespace order
