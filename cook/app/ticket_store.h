// What the use cases need kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"

namespace cook {

// Tickets and stocks, within one transaction. What is locked stays locked until
// it ends. To be free of deadlocks everybody locks in one order: first tickets
// by id, then stocks by item.
class TicketStore {
 public:
  virtual ~TicketStore() = default;

  // Claims the orders that have no ticket yet and returns their ids. Nobody
  // else can make or see their tickets until this transaction ends; who tries,
  // waits. A claimed order's ticket must be saved. An order that is named twice
  // is claimed once.
  virtual absl::flat_hash_set<std::string> Claim(
      absl::Span<const OrderDetails> orders, absl::Time now) = 0;

  // Locks and returns the ticket of an order.
  virtual std::optional<Ticket> Lock(absl::string_view order_id) = 0;

  // Locks and returns up to `limit` COOKING tickets that were made no later
  // than `made_by`, the oldest first; skips those that somebody else has
  // locked.
  virtual std::vector<Ticket> LockDue(absl::Time made_by, int limit) = 0;

  // Locks the stocks of `items` and returns those that were ever stocked.
  virtual std::vector<Stock> LockStocks(absl::Span<const Item> items) = 0;

  // Locks the stock of `item`; makes it, with nothing on hand, if it is new.
  virtual Stock LockOrMakeStock(const Item& item, absl::Time now) = 0;

  // Writes what changed: tickets with their facts, stocks with their movements.
  virtual absl::Status Save(absl::Span<const Ticket> tickets,
                            absl::Span<const Stock> stocks) = 0;
};

}  // namespace cook
