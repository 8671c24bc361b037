#include "newcomer/adapters/pg_heard_order_store.h"

#include "platform/events/inbox.h"
#include "platform/events/retention.h"
#include "platform/pg/array.h"

namespace newcomer {
namespace {

using platform::pg::Array;

constexpr char kKeepLatest[] = R"sql(
    INSERT INTO heard_orders AS known
        (order_id, customer_id, status, version, changed_at)
    SELECT u.order_id, u.customer_id, u.status, u.version, u.changed_at
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[],
                $5::timestamptz[])
         AS u(order_id, customer_id, status, version, changed_at)
    ORDER BY u.order_id
    ON CONFLICT (order_id) DO UPDATE
    SET customer_id = EXCLUDED.customer_id, status = EXCLUDED.status,
        version = EXCLUDED.version, changed_at = EXCLUDED.changed_at
    WHERE known.version < EXCLUDED.version)sql";

}  // namespace

void PrepareStatements(pqxx::connection& connection) {
  platform::events::PrepareInbox(connection);
  platform::events::Retention::Prepare(connection);
  connection.prepare("newcomer_keep_latest", kKeepLatest);
}

void PgHeardOrderStore::KeepLatest(absl::Span<const HeardOrder> orders) {
  Array ids, customers, statuses, versions, times;
  for (const HeardOrder& order : orders) {
    ids.Add(order.order_id);
    customers.Add(order.customer_id);
    statuses.Add(order.status);
    versions.Add(order.version);
    times.AddTime(order.changed);
  }
  tx_.exec_prepared("newcomer_keep_latest", ids.text(), customers.text(),
                    statuses.text(), versions.text(), times.text());
}

}  // namespace newcomer
