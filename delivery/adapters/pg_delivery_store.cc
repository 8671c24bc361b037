#include "delivery/adapters/pg_delivery_store.h"

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_replace.h"

#include "delivery/adapters/delivery_events.h"
#include "platform/events/inbox.h"
#include "platform/events/outbox.h"
#include "platform/pg/array.h"
#include "platform/pg/time.h"
#include "platform/trace/trace_context.h"

namespace delivery {
namespace {

using platform::pg::Array;
using platform::pg::FromMicros;
using platform::pg::ToSql;

// What DeliveryOf() reads; stands for <delivery> below.
constexpr char kColumns[] = R"sql(
    order_id, restaurant_id, restaurant_menu_id, customer_id, qty, status,
    version, (extract(epoch FROM created_at) * 1000000)::bigint AS created,
    (extract(epoch FROM modified_at) * 1000000)::bigint AS modified)sql";

// In the order of their keys: of two that add the same orders one waits for the
// other, and not each for the other.
constexpr char kAdd[] = R"sql(
    INSERT INTO deliveries (order_id, restaurant_id, restaurant_menu_id,
                            customer_id, qty, status, version, created_at,
                            modified_at, traceparent)
    SELECT u.order_id, u.restaurant_id, u.restaurant_menu_id, u.customer_id,
           u.qty, 'STARTED', 1, u.created_at, u.created_at, u.traceparent
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[],
                $6::timestamptz[], $7::text[])
         AS u(order_id, restaurant_id, restaurant_menu_id, customer_id, qty,
              created_at, traceparent)
    ORDER BY u.order_id
    ON CONFLICT DO NOTHING
    RETURNING order_id)sql";

constexpr char kLock[] = R"sql(
    SELECT <delivery> FROM deliveries WHERE order_id = $1 FOR UPDATE)sql";

constexpr char kLockDue[] = R"sql(
    SELECT <delivery>, traceparent
    FROM deliveries
    WHERE status = 'STARTED' AND created_at <= $1
    ORDER BY created_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED)sql";

constexpr char kSave[] = R"sql(
    UPDATE deliveries AS d
    SET status = u.status, version = u.version, modified_at = u.modified_at
    FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[],
                $5::timestamptz[])
         AS u(order_id, status, stored_version, version, modified_at)
    WHERE d.order_id = u.order_id AND d.version = u.stored_version)sql";

constexpr char kFind[] = R"sql(
    SELECT <delivery> FROM deliveries WHERE order_id = $1)sql";

constexpr char kList[] = R"sql(
    SELECT <delivery>
    FROM deliveries
    WHERE order_id < $1
    ORDER BY order_id DESC
    LIMIT $2)sql";

// The status is spelled out, or the planner could not use the partial index.
constexpr char kListStarted[] = R"sql(
    SELECT <delivery>
    FROM deliveries
    WHERE order_id < $1 AND status = 'STARTED'
    ORDER BY order_id DESC
    LIMIT $2)sql";

constexpr char kListDelivered[] = R"sql(
    SELECT <delivery>
    FROM deliveries
    WHERE order_id < $1 AND status = 'DELIVERED'
    ORDER BY order_id DESC
    LIMIT $2)sql";

constexpr char kOldestStarted[] = R"sql(
    SELECT (extract(epoch FROM created_at) * 1000000)::bigint
    FROM deliveries
    WHERE status = 'STARTED'
    ORDER BY created_at
    LIMIT 1)sql";

// No id is greater (those of version 7 are all less).
constexpr char kLastId[] = "ffffffff-ffff-ffff-ffff-ffffffffffff";

std::string WithColumns(absl::string_view sql) {
  return absl::StrReplaceAll(sql, {{"<delivery>", kColumns}});
}

const char* ListStatement(std::optional<DeliveryStatus> status) {
  if (!status.has_value()) return "delivery_list";
  switch (*status) {
    case DeliveryStatus::kStarted:
      return "delivery_list_started";
    case DeliveryStatus::kDelivered:
      return "delivery_list_delivered";
  }
  return "";
}

DeliveryData DeliveryOf(const pqxx::row& row) {
  return {
      .parcel = {.order_id = row["order_id"].as<std::string>(),
                 .restaurant_id = row["restaurant_id"].as<int32_t>(),
                 .restaurant_menu_id = row["restaurant_menu_id"].as<int32_t>(),
                 .customer_id = row["customer_id"].as<int32_t>(),
                 .qty = row["qty"].as<int32_t>()},
      // The table's CHECK admits no other name.
      .status = ParseDeliveryStatus(row["status"].c_str()).value(),
      .version = row["version"].as<int32_t>(),
      .created = FromMicros(row["created"].as<int64_t>()),
      .modified = FromMicros(row["modified"].as<int64_t>()),
  };
}

}  // namespace

void PrepareStatements(pqxx::connection& connection) {
  platform::events::PrepareInbox(connection);
  platform::events::PrepareOutbox(connection);
  connection.prepare("delivery_add", kAdd);
  connection.prepare("delivery_lock", WithColumns(kLock));
  connection.prepare("delivery_lock_due", WithColumns(kLockDue));
  connection.prepare("delivery_save", kSave);
  connection.prepare("delivery_find", WithColumns(kFind));
  connection.prepare("delivery_list", WithColumns(kList));
  connection.prepare("delivery_list_started", WithColumns(kListStarted));
  connection.prepare("delivery_list_delivered", WithColumns(kListDelivered));
  connection.prepare("delivery_oldest_started", kOldestStarted);
}

void PgDeliveryStore::SetTrace(absl::string_view order_id,
                               std::string traceparent) {
  traces_[order_id] = std::move(traceparent);
}

void PgDeliveryStore::Add(absl::Span<const Delivery> deliveries) {
  Array ids, restaurants, items, customers, quantities, times, traces;
  for (const Delivery& delivery : deliveries) {
    const Parcel& parcel = delivery.data().parcel;
    ids.Add(parcel.order_id);
    restaurants.Add(parcel.restaurant_id);
    items.Add(parcel.restaurant_menu_id);
    customers.Add(parcel.customer_id);
    quantities.Add(parcel.qty);
    times.AddTime(delivery.data().created);
    traces.Add(TraceOf(parcel.order_id));
  }
  absl::flat_hash_set<std::string> added;
  for (const auto& row : tx_.exec_prepared(
           "delivery_add", ids.text(), restaurants.text(), items.text(),
           customers.text(), quantities.text(), times.text(), traces.text())) {
    added.insert(row[0].as<std::string>());
  }

  std::vector<platform::events::OutboxEvent> events;
  events.reserve(added.size());
  for (const Delivery& delivery : deliveries) {
    // Of two in one batch, too, only one was added.
    if (added.erase(delivery.order_id()) == 0) continue;
    events.push_back(ToOutbox(delivery, TraceOf(delivery.order_id())));
  }
  if (!events.empty()) platform::events::Append(tx_, events);
}

std::optional<Delivery> PgDeliveryStore::Lock(absl::string_view order_id) {
  const pqxx::result rows =
      tx_.exec_prepared("delivery_lock", std::string(order_id));
  if (rows.empty()) return std::nullopt;
  return Delivery::Restore(DeliveryOf(rows[0]));
}

std::vector<Delivery> PgDeliveryStore::LockDue(absl::Time started_by,
                                               int limit) {
  const pqxx::result rows =
      tx_.exec_prepared("delivery_lock_due", ToSql(started_by), limit);
  std::vector<Delivery> deliveries;
  deliveries.reserve(rows.size());
  for (const auto& row : rows) {
    deliveries.push_back(Delivery::Restore(DeliveryOf(row)));
    SetTrace(deliveries.back().order_id(),
             platform::ContinueTrace(row["traceparent"].c_str()).Traceparent());
  }
  return deliveries;
}

absl::Status PgDeliveryStore::Save(absl::Span<const Delivery> deliveries) {
  Array ids, statuses, stored_versions, versions, times;
  std::vector<platform::events::OutboxEvent> events;
  for (const Delivery& delivery : deliveries) {
    if (!delivery.fact().has_value()) continue;
    const DeliveryData& data = delivery.data();
    ids.Add(data.parcel.order_id);
    statuses.Add(Name(data.status));
    stored_versions.Add(delivery.stored_version());
    versions.Add(data.version);
    times.AddTime(data.modified);
    events.push_back(ToOutbox(delivery, TraceOf(delivery.order_id())));
  }
  if (events.empty()) return absl::OkStatus();
  const pqxx::result saved =
      tx_.exec_prepared("delivery_save", ids.text(), statuses.text(),
                        stored_versions.text(), versions.text(), times.text());
  if (saved.affected_rows() != events.size()) {
    return absl::InternalError("a locked delivery has changed");
  }
  platform::events::Append(tx_, events);
  return absl::OkStatus();
}

const std::string& PgDeliveryStore::TraceOf(absl::string_view order_id) const {
  const auto trace = traces_.find(order_id);
  return trace == traces_.end() ? traceparent_ : trace->second;
}

std::optional<DeliveryData> FindDelivery(pqxx::transaction_base& tx,
                                         absl::string_view order_id) {
  const pqxx::result rows =
      tx.exec_prepared("delivery_find", std::string(order_id));
  if (rows.empty()) return std::nullopt;
  return DeliveryOf(rows[0]);
}

std::vector<DeliveryData> ListDeliveries(pqxx::transaction_base& tx,
                                         std::optional<DeliveryStatus> status,
                                         absl::string_view before, int limit) {
  const pqxx::result rows = tx.exec_prepared(
      ListStatement(status),
      before.empty() ? std::string(kLastId) : std::string(before), limit);
  std::vector<DeliveryData> deliveries;
  deliveries.reserve(rows.size());
  for (const auto& row : rows) deliveries.push_back(DeliveryOf(row));
  return deliveries;
}

std::optional<absl::Time> OldestStarted(pqxx::transaction_base& tx) {
  const pqxx::result rows = tx.exec_prepared("delivery_oldest_started");
  if (rows.empty()) return std::nullopt;
  return FromMicros(rows[0][0].as<int64_t>());
}

}  // namespace delivery
