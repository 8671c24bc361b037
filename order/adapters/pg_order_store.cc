#include "order/adapters/pg_order_store.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "order/adapters/order_events.h"
#include "order/adapters/pg_placed_orders.h"
#include "order/app/use_cases.h"
#include "platform/events/inbox.h"
#include "platform/events/outbox.h"
#include "platform/pg/array.h"
#include "platform/pg/time.h"

namespace order {
namespace {

using platform::pg::Array;

// In the order that OrderOf() reads.
constexpr char kColumns[] = R"sql(
    order_id, customer_id, restaurant_id, restaurant_menu_id, qty, status,
    version, (extract(epoch FROM created_at) * 1000000)::bigint,
    (extract(epoch FROM modified_at) * 1000000)::bigint, reason, cancel_reason,
    cancel_by)sql";

constexpr char kFind[] = "order_find";
constexpr char kFindSql[] = " FROM orders WHERE order_id = $1";

constexpr char kList[] = "order_list";
constexpr char kListSql[] = R"sql(
    FROM orders
    WHERE customer_id = $1 AND order_id < $2 AND ($3 = '' OR status = $3)
    ORDER BY order_id DESC
    LIMIT $4)sql";

// Locks in one order everywhere, so that batches do not deadlock.
constexpr char kLoad[] = "order_load";
constexpr char kLoadSql[] = R"sql(
    FROM orders WHERE order_id = ANY($1::uuid[])
    ORDER BY order_id
    FOR UPDATE)sql";

// A pending cancel is asked for again half a second after it began.
constexpr char kSave[] = "order_save";
constexpr char kSaveSql[] = R"sql(
    UPDATE orders
    SET status = changed.status,
        version = changed.version,
        modified_at = changed.modified_at,
        reason = changed.reason,
        cancel_reason = changed.cancel_reason,
        cancel_by = changed.cancel_by,
        cancel_due_at = CASE WHEN changed.status = 'CANCEL_PENDING'
            THEN changed.modified_at + interval '0.5 s' END,
        cancel_attempts = 0
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::timestamptz[],
                $6::text[], $7::text[], $8::text[])
        AS changed(order_id, loaded_version, status, version, modified_at,
                   reason, cancel_reason, cancel_by)
    WHERE orders.order_id = changed.order_id
        AND orders.version = changed.loaded_version)sql";

constexpr char kCountPending[] = "order_count_pending";
constexpr char kCountPendingSql[] = R"sql(
    SELECT count(*) FROM orders WHERE cancel_due_at IS NOT NULL)sql";

// The next attempt is due after 1.2 s (longer than the call may take: that is
// the lease), then up to 2 s, with some jitter. Not a change of the order: its
// version stays.
constexpr char kClaim[] = "order_claim_pending";
constexpr char kClaimSql[] = R"sql(
    UPDATE orders
    SET cancel_due_at = $1::timestamptz + interval '1 s' *
            (least(1.2 * 1.3 ^ least(cancel_attempts, 10), 1.8)
             + 0.2 * random()),
        cancel_attempts = cancel_attempts + 1
    WHERE order_id IN (
        SELECT order_id FROM orders
        WHERE cancel_due_at <= $1::timestamptz
        ORDER BY cancel_due_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED)
    RETURNING)sql";
// Behind the columns: the trace of the event that says "pending".
constexpr char kClaimTrace[] = R"sql(,
    coalesce((SELECT traceparent FROM outbox
              WHERE aggregate_id = orders.order_id
                  AND outbox.version = orders.version), ''))sql";

// Above every UUID that we make.
constexpr char kMaxUuid[] = "ffffffff-ffff-ffff-ffff-ffffffffffff";

std::vector<OrderState> OrdersOf(const pqxx::result& rows) {
  std::vector<OrderState> orders;
  orders.reserve(rows.size());
  for (const pqxx::row& row : rows) orders.push_back(OrderOf(row));
  return orders;
}

}  // namespace

void PrepareStatements(pqxx::connection& connection) {
  UseIndexes(connection);
  connection.set_variable("enable_hashjoin", "off");
  connection.set_variable("enable_mergejoin", "off");
  connection.prepare(kFind, absl::StrCat("SELECT ", kColumns, kFindSql));
  connection.prepare(kList, absl::StrCat("SELECT ", kColumns, kListSql));
  connection.prepare(kLoad, absl::StrCat("SELECT ", kColumns, kLoadSql));
  connection.prepare(kSave, kSaveSql);
  connection.prepare(kCountPending, kCountPendingSql);
  connection.prepare(kClaim, absl::StrCat(kClaimSql, kColumns, kClaimTrace));
  platform::events::PrepareOutbox(connection);
  platform::events::PrepareInbox(connection);
}

OrderState OrderOf(const pqxx::row& row) {
  OrderState order;
  order.id = row[0].as<std::string>();
  order.customer_id = row[1].as<int32_t>();
  order.restaurant_id = row[2].as<int32_t>();
  order.restaurant_menu_id = row[3].as<int32_t>();
  order.qty = row[4].as<int32_t>();
  // The table's CHECK allows no other.
  order.status = ParseOrderStatus(row[5].c_str()).value();
  order.version = row[6].as<int32_t>();
  order.created = platform::pg::FromMicros(row[7].as<int64_t>());
  order.modified = platform::pg::FromMicros(row[8].as<int64_t>());
  order.reason = row[9].as<std::string>();
  order.cancel_reason = row[10].as<std::string>();
  order.cancel_by = row[11].as<std::string>();
  return order;
}

PgOrderStore::PgOrderStore(pqxx::work& tx, Traces traces)
    : tx_(tx), traces_(std::move(traces)) {}

absl::StatusOr<std::vector<Order>> PgOrderStore::Load(
    absl::Span<const std::string> ids) {
  Array wanted;
  for (const std::string& id : ids) wanted.Add(id);
  std::vector<Order> orders;
  for (OrderState& state : OrdersOf(tx_.exec_prepared(kLoad, wanted.text()))) {
    orders.push_back(Order::Restore(std::move(state)));
  }
  return orders;
}

absl::Status PgOrderStore::Save(absl::Span<const Order> orders) {
  Array ids, loaded, statuses, versions, times, reasons, cancel_reasons,
      cancel_bys;
  std::vector<platform::events::OutboxEvent> events;
  size_t changed = 0;
  for (const Order& order : orders) {
    if (order.facts().empty()) continue;
    ++changed;
    const OrderState& state = order.state();
    ids.Add(state.id);
    loaded.Add(order.loaded_version());
    statuses.Add(Name(state.status));
    versions.Add(state.version);
    times.AddTime(state.modified);
    reasons.Add(state.reason);
    cancel_reasons.Add(state.cancel_reason);
    cancel_bys.Add(state.cancel_by);
    const auto trace = traces_.find(state.id);
    for (const Fact& fact : order.facts()) {
      events.push_back(
          ToEvent(fact, trace == traces_.end() ? "" : trace->second));
    }
  }
  if (changed == 0) return absl::OkStatus();
  const pqxx::result saved = tx_.exec_prepared(
      kSave, ids.text(), loaded.text(), statuses.text(), versions.text(),
      times.text(), reasons.text(), cancel_reasons.text(), cancel_bys.text());
  if (static_cast<size_t>(saved.affected_rows()) != changed) {
    return absl::AbortedError("An order was changed by someone else.");
  }
  platform::events::Append(tx_, events);
  return absl::OkStatus();
}

absl::StatusOr<OrderState> FindOrder(pqxx::transaction_base& tx,
                                     const std::string& id) {
  const pqxx::result rows = tx.exec_prepared(kFind, id);
  if (rows.empty()) return OrderNotFound(id);
  return OrderOf(rows[0]);
}

std::vector<OrderState> ListOrders(pqxx::transaction_base& tx,
                                   int32_t customer_id,
                                   std::optional<OrderStatus> status,
                                   const std::string& before, int limit) {
  return OrdersOf(tx.exec_prepared(
      kList, customer_id, before.empty() ? std::string(kMaxUuid) : before,
      status.has_value() ? std::string(Name(*status)) : std::string(), limit));
}

int64_t CountPendingCancels(pqxx::transaction_base& tx) {
  return tx.exec_prepared1(kCountPending)[0].as<int64_t>();
}

std::vector<PendingCancel> ClaimPendingCancels(pqxx::work& tx, absl::Time now,
                                               int limit) {
  std::vector<PendingCancel> claimed;
  for (const pqxx::row& row :
       tx.exec_prepared(kClaim, platform::pg::ToSql(now), limit)) {
    claimed.push_back({OrderOf(row), row.back().as<std::string>()});
  }
  return claimed;
}

}  // namespace order
