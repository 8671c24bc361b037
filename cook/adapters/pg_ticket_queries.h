// Tickets and stocks in Postgres: all SQL that only reads them. Lists are
// keyset pages: what comes after the given key, at most `limit` rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "platform/pg/pool.h"

namespace cook {

// Prepares the statements of this file. Call from PoolOptions::prepare.
void PrepareTicketQueries(pqxx::connection& connection);

std::optional<TicketData> FindTicket(pqxx::transaction_base& tx,
                                     absl::string_view order_id);

// A restaurant's tickets, newest order first. `before` is the last order id of
// the page before; empty for the first page.
std::vector<TicketData> ListTickets(pqxx::transaction_base& tx,
                                    int32_t restaurant_id,
                                    std::optional<TicketStatus> status,
                                    absl::string_view before, int limit);

// Where a page of cancellations ended.
struct CancellationKey {
  absl::Time cancelled;
  std::string order_id;
};

// Cancelled tickets, the latest cancel first; of any restaurant if it is 0.
std::vector<TicketData> ListCancelled(
    pqxx::transaction_base& tx, int32_t restaurant_id,
    const std::optional<CancellationKey>& before, int limit);

// When the oldest ticket that is COOKING was made.
std::optional<absl::Time> OldestCooking(pqxx::transaction_base& tx);

// Nothing if the item was never stocked.
std::optional<Stock> FindStock(pqxx::transaction_base& tx, const Item& item);

// A restaurant's stock by menu item, from the first item greater than `after`.
std::vector<Stock> ListStock(pqxx::transaction_base& tx, int32_t restaurant_id,
                             int32_t after, int limit);

}  // namespace cook
