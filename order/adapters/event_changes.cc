#include "order/adapters/event_changes.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "order/adapters/pg_order_store.h"
#include "platform/trace/trace_context.h"
#include "platform/uuid/uuid.h"

namespace order {

using platform::events::Message;

absl::Status Malformed(const Message& message) {
  return absl::InvalidArgumentError(
      absl::StrCat("Event ", message.event_id, " on ", message.subject,
                   " is not a readable ", message.type, " about an order."));
}

absl::StatusOr<Change> ChangeOf(const Message& message,
                                const std::string& order_id,
                                std::function<absl::Status(Order&)> apply) {
  std::optional<std::string> id = platform::ParseUuid(order_id);
  if (!id.has_value()) return Malformed(message);
  return Change{*std::move(id), std::move(apply)};
}

absl::Status ApplyEvents(
    pqxx::work& tx, absl::Span<const Message> messages,
    absl::FunctionRef<absl::StatusOr<Change>(const Message&)> to_change) {
  std::vector<Change> changes;
  Traces traces;
  for (const Message& message : messages) {
    absl::StatusOr<Change> change = to_change(message);
    if (!change.ok()) return change.status();
    traces[change->order_id] =
        platform::ContinueTrace(message.traceparent).Traceparent();
    changes.push_back(*std::move(change));
  }
  PgOrderStore orders(tx, std::move(traces));
  return ChangeOrders(orders, changes);
}

}  // namespace order
