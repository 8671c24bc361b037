// Orders in Postgres: all SQL of this service but that of PlaceOrder
// (pg_placed_orders.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "order/app/order_store.h"
#include "platform/pg/pool.h"

namespace order {

// Prepares all statements of this service, the outbox's and the inbox's. For
// PoolOptions::prepare.
void PrepareStatements(pqxx::connection& connection);

// Traceparents by order id: what caused the change of which order.
using Traces = std::map<std::string, std::string>;

// Orders for change: Load locks in the order of ids, Save writes rows and
// events in one statement each. Throws what libpqxx throws; use it within
// Pool::InTransaction.
class PgOrderStore final : public OrderStore {
 public:
  // `tx` must outlive the store.
  PgOrderStore(pqxx::work& tx, Traces traces);

  absl::StatusOr<std::vector<Order>> Load(
      absl::Span<const std::string> ids) override;
  absl::Status Save(absl::Span<const Order> orders) override;

 private:
  pqxx::work& tx_;
  const Traces traces_;
};

// Reads without a lock. Fails with `NOT_FOUND` (`ORDER_NOT_FOUND`).
absl::StatusOr<OrderState> FindOrder(pqxx::transaction_base& tx,
                                     const std::string& id);

// Up to `limit` of a customer's orders, newest first, with ids below `before`
// (empty: from the newest).
std::vector<OrderState> ListOrders(pqxx::transaction_base& tx,
                                   int32_t customer_id,
                                   std::optional<OrderStatus> status,
                                   const std::string& before, int limit);

// How many orders are CANCEL_PENDING.
int64_t CountPendingCancels(pqxx::transaction_base& tx);

// An order whose cancel waits for the kitchen's answer.
struct PendingCancel {
  OrderState order;
  // Of whoever wanted it; empty if the outbox has forgotten.
  std::string traceparent;
};

// Claims up to `limit` CANCEL_PENDING orders that are due at `now`: nobody else
// gets them before the time that it sets, which grows with the attempts.
std::vector<PendingCancel> ClaimPendingCancels(pqxx::work& tx, absl::Time now,
                                               int limit);

// Of a row of the columns that kOrderColumns names.
OrderState OrderOf(const pqxx::row& row);

}  // namespace order
