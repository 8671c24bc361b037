#include "tests/integration/cook/process.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

#include "cook/adapters/order_events.h"
#include "cook/adapters/pg_ticket_queries.h"
#include "cook/adapters/pg_ticket_store.h"
#include "platform/events/inbox.h"
#include "platform/events/outbox.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace cook {
namespace {

template <typename T>
absl::StatusOr<T> Change(
    platform::pg::Pool& pool,
    absl::FunctionRef<absl::StatusOr<T>(TicketStore&)> use_case) {
  std::optional<T> changed;
  const absl::Status done = pool.InTransaction([&](pqxx::work& tx) {
    PgTicketStore store(tx, "");
    absl::StatusOr<T> result = use_case(store);
    if (!result.ok()) return result.status();
    changed = *std::move(result);
    return absl::OkStatus();
  });
  if (!done.ok()) return done;
  return *std::move(changed);
}

}  // namespace

OrderDetails NewOrder(int32_t qty, Item item) {
  return {.order_id = platform::NewUuid(platform::Now()),
          .restaurant_id = item.restaurant_id,
          .restaurant_menu_id = item.restaurant_menu_id,
          .customer_id = 7,
          .qty = qty};
}

platform::events::Message Ordered(const OrderDetails& order) {
  ::restaurant::order::v1::Ordered event;
  auto& proto = *event.mutable_order();
  proto.set_order_id(order.order_id);
  proto.set_restaurant_id(order.restaurant_id);
  proto.set_restaurant_menu_id(order.restaurant_menu_id);
  proto.set_customer_id(order.customer_id);
  proto.set_qty(order.qty);
  proto.set_status(::restaurant::order::v1::ORDER_STATUS_ORDERED);
  proto.set_version(1);
  platform::events::Message message;
  message.event_id = platform::NewUuid(platform::Now());
  message.type = event.GetTypeName();
  message.source = "order";
  message.aggregate_id = order.order_id;
  message.version = 1;
  message.time = platform::Now();
  message.traceparent =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  message.payload = event.SerializeAsString();
  message.subject = "restaurant.order.ordered";
  return message;
}

platform::pg::PoolOptions KitchenPool(const std::string& dsn, int connections) {
  return {.name = "test",
          .dsn = dsn,
          .connections = connections,
          .acquire_timeout = absl::Seconds(10),
          .prepare = [](pqxx::connection& connection) {
            platform::events::PrepareInbox(connection);
            platform::events::PrepareOutbox(connection);
            PrepareTicketStore(connection);
            // Tests are about what happens, not about how fast.
            connection.set_variable("lock_timeout", "'60s'");
            connection.set_variable("statement_timeout", "'60s'");
            PrepareTicketQueries(connection);
          }};
}

absl::Status Process::Apply(
    absl::Span<const platform::events::Message> messages) {
  return platform::events::ApplyOnce(pool_, "cook", messages,
                                     OrderEvents(platform::Now));
}

absl::Status Process::Hear(absl::Span<const OrderDetails> orders) {
  std::vector<platform::events::Message> messages;
  messages.reserve(orders.size());
  for (const OrderDetails& order : orders) messages.push_back(Ordered(order));
  return Apply(messages);
}

absl::StatusOr<Ticket> Process::Cancel(const OrderDetails& order,
                                       bool from_order_service) {
  return Change<Ticket>(pool_, [&](TicketStore& store) {
    return CancelTicket(store,
                        {.order = order,
                         .reason = "too slow",
                         .by = std::string(kCustomer),
                         .may_make_tombstone = from_order_service},
                        platform::Now());
  });
}

absl::StatusOr<Ticket> Process::Finish(const std::string& order_id) {
  return Change<Ticket>(pool_, [&](TicketStore& store) {
    return FinishCooking(store, order_id, platform::Now());
  });
}

absl::StatusOr<Stock> Process::SetOnHand(const Item& item, int32_t on_hand) {
  return Change<Stock>(pool_, [&](TicketStore& store) {
    return SetStock(store, item, on_hand, platform::Now());
  });
}

}  // namespace cook
