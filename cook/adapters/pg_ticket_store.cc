#include "cook/adapters/pg_ticket_store.h"

#include <cstddef>
#include <utility>

#include "cook/adapters/cook_events.h"
#include "cook/adapters/pg_ticket_rows.h"
#include "platform/events/outbox.h"
#include "platform/pg/array.h"
#include "platform/pg/time.h"
#include "platform/planted/planted.h"
#include "platform/trace/trace_context.h"

namespace cook {
namespace {

using platform::pg::Array;
using platform::pg::ToSql;

// Claims are written as COOKING, their likely end, which Save() then need not
// write again. In the order of their keys: of two that claim the same orders
// one waits for the other, and not each for the other.
constexpr char kClaim[] = R"sql(
    INSERT INTO tickets (order_id, restaurant_id, restaurant_menu_id,
                         customer_id, qty, status, version, created_at,
                         modified_at, traceparent)
    SELECT u.order_id, u.restaurant_id, u.restaurant_menu_id, u.customer_id,
           u.qty, 'COOKING', 1, $7::timestamptz, $7::timestamptz, u.traceparent
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[],
                $6::text[])
         AS u(order_id, restaurant_id, restaurant_menu_id, customer_id, qty,
              traceparent)
    ORDER BY u.order_id
    ON CONFLICT DO NOTHING
    RETURNING order_id)sql";

constexpr char kLockTicket[] = R"sql(
    SELECT <ticket> FROM tickets WHERE order_id = $1 FOR UPDATE)sql";

constexpr char kLockDue[] = R"sql(
    SELECT <ticket>, traceparent
    FROM tickets
    WHERE status = 'COOKING' AND created_at <= $1
    ORDER BY created_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED)sql";

constexpr char kUpdateTickets[] = R"sql(
    UPDATE tickets AS t
    SET status = u.status, version = u.version, modified_at = u.modified_at,
        reason = u.reason, cancelled_by = u.cancelled_by
    FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[],
                $5::timestamptz[], $6::text[], $7::text[])
         AS u(order_id, status, locked_version, version, modified_at, reason,
              cancelled_by)
    WHERE t.order_id = u.order_id AND t.version = u.locked_version)sql";

constexpr char kLockStocks[] = R"sql(
    SELECT <stock>
    FROM unnest($1::int[], $2::int[]) AS u(restaurant_id, restaurant_menu_id)
    JOIN stocks AS s USING (restaurant_id, restaurant_menu_id)
    ORDER BY restaurant_id, restaurant_menu_id
    FOR UPDATE OF s)sql";

// Planted: the same without the lock.
constexpr char kReadStocks[] = R"sql(
    SELECT <stock>
    FROM unnest($1::int[], $2::int[]) AS u(restaurant_id, restaurant_menu_id)
    JOIN stocks AS s USING (restaurant_id, restaurant_menu_id)
    ORDER BY restaurant_id, restaurant_menu_id)sql";

constexpr char kMakeStock[] = R"sql(
    INSERT INTO stocks (restaurant_id, restaurant_menu_id, on_hand, modified_at)
    VALUES ($1, $2, 0, $3)
    ON CONFLICT DO NOTHING)sql";

// The stocks, and in the ledger the movements that made them so.
constexpr char kUpdateStocks[] = R"sql(
    WITH moved AS (
      INSERT INTO stock_ledger (restaurant_id, restaurant_menu_id, delta, kind,
                                order_id, at)
      SELECT * FROM unnest($5::int[], $6::int[], $7::int[], $8::text[],
                           $9::uuid[], $10::timestamptz[]))
    UPDATE stocks AS s
    SET on_hand = u.on_hand, modified_at = u.modified_at
    FROM unnest($1::int[], $2::int[], $3::int[], $4::timestamptz[])
         AS u(restaurant_id, restaurant_menu_id, on_hand, modified_at)
    WHERE s.restaurant_id = u.restaurant_id
      AND s.restaurant_menu_id = u.restaurant_menu_id)sql";

}  // namespace

void PrepareTicketStore(pqxx::connection& connection) {
  // Whatever is done here is done by index, to a handful of rows. A plan made
  // while the tables were still empty would read all of them, and be kept.
  connection.set_variable("plan_cache_mode", "force_generic_plan");
  connection.set_variable("enable_seqscan", "off");
  connection.set_variable("enable_hashjoin", "off");
  connection.set_variable("enable_mergejoin", "off");
  connection.prepare("cook_claim", kClaim);
  connection.prepare("cook_lock_ticket", WithColumns(kLockTicket));
  connection.prepare("cook_lock_due", WithColumns(kLockDue));
  connection.prepare("cook_update_tickets", kUpdateTickets);
  connection.prepare(
      "cook_lock_stocks",
      WithColumns(platform::planted::Is("stock_not_locked") ? kReadStocks
                                                            : kLockStocks));
  connection.prepare("cook_make_stock", kMakeStock);
  connection.prepare("cook_update_stocks", kUpdateStocks);
}

void PgTicketStore::SetTrace(absl::string_view order_id,
                             std::string traceparent) {
  traces_[order_id] = std::move(traceparent);
}

absl::flat_hash_set<std::string> PgTicketStore::Claim(
    absl::Span<const OrderDetails> orders, absl::Time now) {
  Array ids, restaurants, items, customers, quantities, traces;
  for (const OrderDetails& order : orders) {
    ids.Add(order.order_id);
    restaurants.Add(order.restaurant_id);
    items.Add(order.restaurant_menu_id);
    customers.Add(order.customer_id);
    quantities.Add(order.qty);
    traces.Add(TraceOf(order.order_id));
  }
  const pqxx::result rows = tx_.exec_prepared(
      "cook_claim", ids.text(), restaurants.text(), items.text(),
      customers.text(), quantities.text(), traces.text(), ToSql(now));
  absl::flat_hash_set<std::string> claimed;
  claimed.reserve(rows.size());
  for (const auto& row : rows) claimed.insert(row[0].as<std::string>());
  return claimed;
}

std::optional<Ticket> PgTicketStore::Lock(absl::string_view order_id) {
  const pqxx::result rows =
      tx_.exec_prepared("cook_lock_ticket", std::string(order_id));
  if (rows.empty()) return std::nullopt;
  return Ticket::Restore(TicketOf(rows[0]));
}

std::vector<Ticket> PgTicketStore::LockDue(absl::Time made_by, int limit) {
  const pqxx::result rows =
      tx_.exec_prepared("cook_lock_due", ToSql(made_by), limit);
  std::vector<Ticket> tickets;
  tickets.reserve(rows.size());
  for (const auto& row : rows) {
    tickets.push_back(Ticket::Restore(TicketOf(row)));
    SetTrace(tickets.back().order_id(),
             platform::ContinueTrace(row["traceparent"].c_str()).Traceparent());
  }
  return tickets;
}

std::vector<Stock> PgTicketStore::LockStocks(absl::Span<const Item> items) {
  Array restaurants, menu_items;
  for (const Item& item : items) {
    restaurants.Add(item.restaurant_id);
    menu_items.Add(item.restaurant_menu_id);
  }
  std::vector<Stock> stocks;
  for (const auto& row : tx_.exec_prepared(
           "cook_lock_stocks", restaurants.text(), menu_items.text())) {
    stocks.push_back(StockOf(row));
  }
  return stocks;
}

Stock PgTicketStore::LockOrMakeStock(const Item& item, absl::Time now) {
  tx_.exec_prepared("cook_make_stock", item.restaurant_id,
                    item.restaurant_menu_id, ToSql(now));
  return LockStocks({item}).at(0);
}

absl::Status PgTicketStore::Save(absl::Span<const Ticket> tickets,
                                 absl::Span<const Stock> stocks) {
  if (absl::Status saved = SaveTickets(tickets); !saved.ok()) return saved;
  if (absl::Status saved = SaveStocks(stocks); !saved.ok()) return saved;
  AppendEvents(tickets);
  return absl::OkStatus();
}

absl::Status PgTicketStore::SaveTickets(absl::Span<const Ticket> tickets) {
  Array ids, statuses, locked_versions, versions, times, reasons, actors;
  size_t count = 0;
  for (const Ticket& ticket : tickets) {
    const TicketData& data = ticket.data();
    // Claim() wrote it just so.
    if (ticket.is_new() && data.status == TicketStatus::kCooking) continue;
    if (!ticket.fact().has_value()) continue;
    ++count;
    ids.Add(data.order.order_id);
    statuses.Add(Name(data.status));
    locked_versions.Add(ticket.is_new() ? data.version : data.version - 1);
    versions.Add(data.version);
    times.AddTime(data.modified);
    reasons.Add(data.reason);
    actors.Add(data.cancelled_by);
  }
  if (count == 0) return absl::OkStatus();
  const pqxx::result updated =
      tx_.exec_prepared("cook_update_tickets", ids.text(), statuses.text(),
                        locked_versions.text(), versions.text(), times.text(),
                        reasons.text(), actors.text());
  if (updated.affected_rows() != count) {
    return absl::InternalError("a locked ticket has changed");
  }
  return absl::OkStatus();
}

absl::Status PgTicketStore::SaveStocks(absl::Span<const Stock> stocks) {
  Array restaurants, items, on_hand, times;
  Array moved_restaurants, moved_items, deltas, kinds, orders, moved_times;
  size_t count = 0;
  for (const Stock& stock : stocks) {
    if (stock.movements().empty()) continue;
    ++count;
    restaurants.Add(stock.item().restaurant_id);
    items.Add(stock.item().restaurant_menu_id);
    on_hand.Add(stock.on_hand());
    times.AddTime(*stock.modified());
    for (const Movement& movement : stock.movements()) {
      moved_restaurants.Add(stock.item().restaurant_id);
      moved_items.Add(stock.item().restaurant_menu_id);
      deltas.Add(movement.delta);
      kinds.Add(Name(movement.kind));
      if (movement.order_id.empty()) {
        orders.AddNull();
      } else {
        orders.Add(movement.order_id);
      }
      moved_times.AddTime(*stock.modified());
    }
  }
  if (count == 0) return absl::OkStatus();
  const pqxx::result updated = tx_.exec_prepared(
      "cook_update_stocks", restaurants.text(), items.text(), on_hand.text(),
      times.text(), moved_restaurants.text(), moved_items.text(), deltas.text(),
      kinds.text(), orders.text(), moved_times.text());
  if (updated.affected_rows() != count) {
    return absl::InternalError("a locked stock is gone");
  }
  return absl::OkStatus();
}

void PgTicketStore::AppendEvents(absl::Span<const Ticket> tickets) {
  std::vector<platform::events::OutboxEvent> events;
  events.reserve(tickets.size());
  for (const Ticket& ticket : tickets) {
    if (!ticket.fact().has_value()) continue;
    if (platform::planted::Is("event_forgotten") &&
        std::holds_alternative<CookCancelled>(*ticket.fact())) {
      continue;
    }
    events.push_back(ToOutbox(ticket, TraceOf(ticket.order_id())));
  }
  if (!events.empty()) platform::events::Append(tx_, events);
}

const std::string& PgTicketStore::TraceOf(absl::string_view order_id) const {
  const auto trace = traces_.find(order_id);
  return trace == traces_.end() ? traceparent_ : trace->second;
}

}  // namespace cook
