// What the order service does, apart from wires and tables.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "order/app/order_store.h"
#include "order/domain/order.h"

namespace order {

// `NOT_FOUND` (`ORDER_NOT_FOUND`).
absl::Status OrderNotFound(absl::string_view id);

// One step of one order.
struct Change {
  std::string order_id;
  std::function<absl::Status(Order&)> apply;
};

// Takes all `changes`, in order, or none. Fails with `NOT_FOUND`
// (`ORDER_NOT_FOUND`) if an order is unknown, and as the step does.
absl::Status ChangeOrders(OrderStore& orders, absl::Span<const Change> changes);

// What the kitchen said when it was asked to cancel a ticket.
struct KitchenAnswer {
  enum class Kind {
    kCancelled,  // the ticket is cancelled, now or before
    kRefused,    // it is too late; `reason` says why
    kUnknown,    // no answer that means anything: it may have been done or not
  };
  Kind kind = Kind::kUnknown;
  // kRefused: ALREADY_COOKED or QUANTITY_OVER. kCancelled: why the ticket was
  // cancelled first, if `by` tells by whom.
  std::string reason;
  std::string by;
};

// A cancel that was asked for, and the kitchen's answer.
struct CancelAttempt {
  std::string order_id;
  std::string reason;
  std::string by;
  KitchenAnswer answer;
};

// Decides what becomes of orders whose cancel was attempted. For each attempt,
// in order, tells what whoever asked is to be told: the order as it is now, or
// `FAILED_PRECONDITION` with the kitchen's or the order's own reason.
//
//   kCancelled  the order is CANCELLED, by whoever cancelled the ticket first
//   kRefused    a CANCEL_PENDING order is ORDERED again, another unchanged
//   kUnknown    an ORDERED order is CANCEL_PENDING, another unchanged
//
// Fails only as the store does. An order may be attempted once per call.
absl::StatusOr<std::vector<absl::StatusOr<OrderState>>> SettleCancels(
    OrderStore& orders, absl::Span<const CancelAttempt> attempts,
    absl::Time now);

// True if only the kitchen can say whether `order` can be cancelled.
bool NeedsKitchen(const OrderState& order);

// What one who wants `order` cancelled is told by its status: the order itself,
// or `FAILED_PRECONDITION` (`ORDER_COMPLETED`, `ORDER_REJECTED`).
absl::StatusOr<OrderState> PresentState(const OrderState& order);

}  // namespace order
