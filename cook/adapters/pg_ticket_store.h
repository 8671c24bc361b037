// Tickets and stocks in Postgres: all SQL that writes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "cook/app/ticket_store.h"
#include "platform/pg/pool.h"

namespace cook {

// Prepares the statements of this file. Call from PoolOptions::prepare,
// together with events::PrepareOutbox().
void PrepareTicketStore(pqxx::connection& connection);

// A TicketStore bound to one transaction, which must outlive it. Throws what
// libpqxx throws; platform::pg::Pool turns it into a status.
class PgTicketStore final : public TicketStore {
 public:
  // What it writes belongs to the trace `traceparent`, but for the orders that
  // SetTrace() named.
  PgTicketStore(pqxx::transaction_base& tx, std::string traceparent)
      : tx_(tx), traceparent_(std::move(traceparent)) {}

  // Says which trace the change of one order belongs to.
  void SetTrace(absl::string_view order_id, std::string traceparent);

  absl::flat_hash_set<std::string> Claim(absl::Span<const OrderDetails> orders,
                                         absl::Time now) override;
  std::optional<Ticket> Lock(absl::string_view order_id) override;
  // Their changes belong to the traces that made them.
  std::vector<Ticket> LockDue(absl::Time made_by, int limit) override;
  std::vector<Stock> LockStocks(absl::Span<const Item> items) override;
  Stock LockOrMakeStock(const Item& item, absl::Time now) override;
  // Fails with `INTERNAL` if a row is not as it was locked.
  absl::Status Save(absl::Span<const Ticket> tickets,
                    absl::Span<const Stock> stocks) override;

 private:
  const std::string& TraceOf(absl::string_view order_id) const;
  absl::Status SaveTickets(absl::Span<const Ticket> tickets);
  absl::Status SaveStocks(absl::Span<const Stock> stocks);
  void AppendEvents(absl::Span<const Ticket> tickets);

  pqxx::transaction_base& tx_;
  const std::string traceparent_;
  absl::flat_hash_map<std::string, std::string> traces_;
};

}  // namespace cook
