// Deliveries in Postgres: all SQL of this service.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "delivery/app/delivery_store.h"
#include "platform/pg/pool.h"

namespace delivery {

// Prepares all statements of this service, the outbox's and the inbox's. For
// PoolOptions::prepare.
void PrepareStatements(pqxx::connection& connection);

// A DeliveryStore bound to one transaction, which must outlive it. Throws what
// libpqxx throws; platform::pg::Pool turns it into a status.
class PgDeliveryStore final : public DeliveryStore {
 public:
  // What it writes belongs to the trace `traceparent`, but for the orders that
  // SetTrace() named.
  PgDeliveryStore(pqxx::transaction_base& tx, std::string traceparent)
      : tx_(tx), traceparent_(std::move(traceparent)) {}

  // Says which trace the change of one order's delivery belongs to.
  void SetTrace(absl::string_view order_id, std::string traceparent);

  void Add(absl::Span<const Delivery> deliveries) override;
  std::optional<Delivery> Lock(absl::string_view order_id) override;
  // Their changes belong to the traces that started them.
  std::vector<Delivery> LockDue(absl::Time started_by, int limit) override;
  // Fails with `INTERNAL` if a row is not as it was locked.
  absl::Status Save(absl::Span<const Delivery> deliveries) override;

 private:
  const std::string& TraceOf(absl::string_view order_id) const;

  pqxx::transaction_base& tx_;
  const std::string traceparent_;
  absl::flat_hash_map<std::string, std::string> traces_;
};

// Reads without a lock.
std::optional<DeliveryData> FindDelivery(pqxx::transaction_base& tx,
                                         absl::string_view order_id);

// Up to `limit` deliveries, newest order first. `before` is the last order id
// of the page before; empty for the first page.
std::vector<DeliveryData> ListDeliveries(pqxx::transaction_base& tx,
                                         std::optional<DeliveryStatus> status,
                                         absl::string_view before, int limit);

// When the oldest delivery that is STARTED started.
std::optional<absl::Time> OldestStarted(pqxx::transaction_base& tx);

}  // namespace delivery
