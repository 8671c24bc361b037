#include "order/adapters/pg_placed_orders.h"

#include "platform/pg/array.h"
#include "platform/pg/time.h"

namespace order {
namespace {

using platform::pg::Array;

// A statement's CTEs are one transaction. `said` reads what `placed` returns,
// so an order that was there already says nothing twice.
constexpr char kInsert[] = "order_insert_placed";
constexpr char kInsertSql[] = R"sql(
    WITH asked AS (
        SELECT * FROM unnest(
            $1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[], $6::text[],
            $7::timestamptz[], $8::uuid[], $9::bytea[], $10::text[])
        AS t(order_id, customer_id, restaurant_id, restaurant_menu_id, qty,
             request_id, created_at, event_id, payload, traceparent)
    ), placed AS (
        INSERT INTO orders (order_id, customer_id, restaurant_id,
            restaurant_menu_id, qty, status, version, request_id, created_at,
            modified_at)
        SELECT order_id, customer_id, restaurant_id, restaurant_menu_id, qty,
            'ORDERED', 1, request_id, created_at, created_at
        FROM asked
        ON CONFLICT DO NOTHING
        RETURNING order_id
    ), said AS (
        INSERT INTO outbox (event_id, aggregate_id, version, subject,
            event_type, payload, traceparent, event_time)
        SELECT event_id, order_id, 1, $11, $12, payload, traceparent, created_at
        FROM asked JOIN placed USING (order_id)
    )
    SELECT count(*) FROM placed)sql";

constexpr char kFindPlaced[] = "order_find_placed";
constexpr char kFindPlacedSql[] = R"sql(
    SELECT place, found.*
    FROM unnest($1::uuid[], $2::int[], $3::text[])
        WITH ORDINALITY AS asked(order_id, customer_id, request_id, place)
    CROSS JOIN LATERAL (
        SELECT order_id, customer_id, restaurant_id, restaurant_menu_id, qty,
            (extract(epoch FROM created_at) * 1000000)::bigint
        FROM orders
        WHERE orders.order_id = asked.order_id
            OR (orders.customer_id = asked.customer_id
                AND orders.request_id = asked.request_id)
        ORDER BY orders.order_id = asked.order_id DESC
        LIMIT 1) AS found)sql";

void AddRequestId(Array& ids, const std::string& id) {
  if (id.empty()) {
    ids.AddNull();
  } else {
    ids.Add(id);
  }
}

}  // namespace

void PreparePlacedOrders(pqxx::connection& connection) {
  UseIndexes(connection);
  connection.prepare(kInsert, kInsertSql);
  connection.prepare(kFindPlaced, kFindPlacedSql);
}

void UseIndexes(pqxx::connection& connection) {
  connection.set_variable("plan_cache_mode", "force_generic_plan");
  connection.set_variable("enable_seqscan", "off");
}

size_t InsertPlaced(pqxx::transaction_base& tx,
                    absl::Span<const PlacedOrder* const> placed) {
  Array ids, customers, restaurants, menus, qtys, keys, times, event_ids,
      payloads, traces;
  for (const PlacedOrder* row : placed) {
    const OrderState& order = row->order;
    ids.Add(order.id);
    customers.Add(order.customer_id);
    restaurants.Add(order.restaurant_id);
    menus.Add(order.restaurant_menu_id);
    qtys.Add(order.qty);
    AddRequestId(keys, row->request_id);
    times.AddTime(order.created);
    event_ids.Add(row->ordered.event_id);
    payloads.AddBytes(row->ordered.payload);
    traces.Add(row->ordered.traceparent);
  }
  const pqxx::row inserted = tx.exec_prepared1(
      kInsert, ids.text(), customers.text(), restaurants.text(), menus.text(),
      qtys.text(), keys.text(), times.text(), event_ids.text(), payloads.text(),
      traces.text(), placed.front()->ordered.subject,
      placed.front()->ordered.type);
  return inserted[0].as<size_t>();
}

std::vector<std::optional<OrderState>> FindPlaced(
    pqxx::transaction_base& tx, absl::Span<const PlacedOrder* const> placed) {
  Array ids, customers, keys;
  for (const PlacedOrder* row : placed) {
    ids.Add(row->order.id);
    customers.Add(row->order.customer_id);
    AddRequestId(keys, row->request_id);
  }
  std::vector<std::optional<OrderState>> found(placed.size());
  for (const pqxx::row& row : tx.exec_prepared(kFindPlaced, ids.text(),
                                               customers.text(), keys.text())) {
    Order::Wish wish;
    wish.customer_id = row[2].as<int32_t>();
    wish.restaurant_id = row[3].as<int32_t>();
    wish.restaurant_menu_id = row[4].as<int32_t>();
    wish.qty = row[5].as<int32_t>();
    found[row[0].as<size_t>() - 1] =
        Order::Place(row[1].as<std::string>(), wish,
                     platform::pg::FromMicros(row[6].as<int64_t>()))
            .state();
  }
  return found;
}

}  // namespace order
