#include "cook/adapters/order_events.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "cook/adapters/cook_validation.h"
#include "cook/adapters/pg_ticket_store.h"
#include "cook/app/use_cases.h"
#include "platform/trace/trace_context.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace cook {
namespace {

using platform::events::Message;

absl::StatusOr<OrderDetails> Read(const Message& message) {
  ::restaurant::order::v1::Ordered event;
  if (!event.ParseFromString(message.payload)) {
    return absl::InvalidArgumentError(
        absl::StrCat("event ", message.event_id, " is not an ", message.type));
  }
  return Checked(event);
}

}  // namespace

platform::events::Handler OrderEvents(platform::Clock clock) {
  return
      [clock = std::move(clock)](
          pqxx::work& tx, absl::Span<const Message> messages) -> absl::Status {
        PgTicketStore store(tx, /*traceparent=*/"");
        std::vector<OrderDetails> orders;
        orders.reserve(messages.size());
        for (const Message& message : messages) {
          if (message.type != "restaurant.order.v1.Ordered") continue;
          absl::StatusOr<OrderDetails> order = Read(message);
          if (!order.ok()) return order.status();
          store.SetTrace(
              order->order_id,
              platform::ContinueTrace(message.traceparent).Traceparent());
          orders.push_back(*std::move(order));
        }
        if (orders.empty()) return absl::OkStatus();
        return BeginCooking(store, orders, clock());
      };
}

}  // namespace cook
