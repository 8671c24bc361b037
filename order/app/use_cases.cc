#include "order/app/use_cases.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

#include "platform/status/error.h"

namespace order {
namespace {

using OrdersById = std::map<absl::string_view, Order*>;

OrdersById ById(std::vector<Order>& orders) {
  OrdersById by_id;
  for (Order& order : orders) by_id[order.state().id] = &order;
  return by_id;
}

absl::StatusOr<OrderState> Settle(Order& order, const CancelAttempt& attempt,
                                  absl::Time now) {
  absl::Status moved;
  switch (attempt.answer.kind) {
    case KitchenAnswer::Kind::kCancelled:
      moved = attempt.answer.by.empty()
                  ? order.Cancel(attempt.reason, attempt.by, now)
                  : order.Cancel(attempt.answer.reason, attempt.answer.by, now);
      break;
    case KitchenAnswer::Kind::kRefused:
      if (order.state().status == OrderStatus::kCancelPending) {
        moved = order.RefuseCancel(attempt.answer.reason, kByKitchen, now);
      }
      if (moved.ok()) moved = TooLate(attempt.answer.reason, order.state());
      break;
    case KitchenAnswer::Kind::kUnknown:
      if (order.state().status == OrderStatus::kOrdered) {
        moved = order.AwaitCancel(attempt.reason, attempt.by, now);
      }
      if (moved.ok()) return PresentState(order.state());
      break;
  }
  if (!moved.ok()) return moved;
  return order.state();
}

}  // namespace

absl::Status OrderNotFound(absl::string_view id) {
  return platform::Error(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND",
                         absl::StrCat("There is no order ", id, "."),
                         {{"order_id", id}});
}

absl::Status ChangeOrders(OrderStore& orders,
                          absl::Span<const Change> changes) {
  std::vector<std::string> ids;
  ids.reserve(changes.size());
  for (const Change& change : changes) ids.push_back(change.order_id);
  absl::StatusOr<std::vector<Order>> loaded = orders.Load(ids);
  if (!loaded.ok()) return loaded.status();
  const OrdersById by_id = ById(*loaded);
  for (const Change& change : changes) {
    const auto found = by_id.find(change.order_id);
    if (found == by_id.end()) return OrderNotFound(change.order_id);
    absl::Status status = change.apply(*found->second);
    if (!status.ok()) return status;
  }
  return orders.Save(*loaded);
}

absl::StatusOr<std::vector<absl::StatusOr<OrderState>>> SettleCancels(
    OrderStore& orders, absl::Span<const CancelAttempt> attempts,
    absl::Time now) {
  std::vector<std::string> ids;
  ids.reserve(attempts.size());
  for (const CancelAttempt& attempt : attempts) ids.push_back(attempt.order_id);
  absl::StatusOr<std::vector<Order>> loaded = orders.Load(ids);
  if (!loaded.ok()) return loaded.status();
  const OrdersById by_id = ById(*loaded);

  std::vector<absl::StatusOr<OrderState>> told;
  told.reserve(attempts.size());
  for (const CancelAttempt& attempt : attempts) {
    const auto found = by_id.find(attempt.order_id);
    if (found == by_id.end()) {
      told.emplace_back(OrderNotFound(attempt.order_id));
    } else {
      told.push_back(Settle(*found->second, attempt, now));
    }
  }
  if (absl::Status saved = orders.Save(*loaded); !saved.ok()) return saved;
  return told;
}

bool NeedsKitchen(const OrderState& order) {
  return order.status == OrderStatus::kOrdered ||
         order.status == OrderStatus::kCancelPending;
}

absl::StatusOr<OrderState> PresentState(const OrderState& order) {
  if (order.status == OrderStatus::kCompleted ||
      order.status == OrderStatus::kRejected) {
    return TooLate(FinalReason(order.status), order);
  }
  return order;
}

}  // namespace order
