// A TicketStore in memory that keeps the contract a test can see: what is
// claimed must be saved, and what is saved must have been locked.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cook/app/ticket_store.h"

namespace cook {

class FakeTicketStore final : public TicketStore {
 public:
  std::map<std::string, TicketData> tickets;
  std::map<Item, int32_t> stocks;
  std::vector<Fact> facts;          // saved, in order
  std::vector<Movement> movements;  // saved, in order
  std::vector<std::string> locks;   // in the order they were taken
  absl::Status save_status = absl::OkStatus();

  absl::flat_hash_set<std::string> Claim(absl::Span<const OrderDetails> orders,
                                         absl::Time /*now*/) override {
    absl::flat_hash_set<std::string> claimed;
    for (const OrderDetails& order : orders) {
      if (!tickets.contains(order.order_id)) claimed.insert(order.order_id);
    }
    locks.emplace_back("tickets");
    return claimed;
  }

  std::optional<Ticket> Lock(absl::string_view order_id) override {
    locks.emplace_back("tickets");
    const auto found = tickets.find(std::string(order_id));
    if (found == tickets.end()) return std::nullopt;
    return Ticket::Restore(found->second);
  }

  std::vector<Ticket> LockDue(absl::Time made_by, int limit) override {
    std::vector<Ticket> due;
    for (const auto& [id, data] : tickets) {
      if (data.status != TicketStatus::kCooking || data.created > made_by) {
        continue;
      }
      if (due.size() < static_cast<size_t>(limit)) {
        due.push_back(Ticket::Restore(data));
      }
    }
    return due;
  }

  std::vector<Stock> LockStocks(absl::Span<const Item> items) override {
    locks.emplace_back("stocks");
    EXPECT_TRUE(std::is_sorted(items.begin(), items.end()));
    std::vector<Stock> found;
    for (const Item& item : items) {
      const auto stock = stocks.find(item);
      if (stock == stocks.end()) continue;
      found.push_back(Stock::Restore(item, stock->second, absl::UnixEpoch()));
    }
    return found;
  }

  Stock LockOrMakeStock(const Item& item, absl::Time now) override {
    locks.emplace_back("stocks");
    return Stock::Restore(item, stocks[item], now);
  }

  absl::Status Save(absl::Span<const Ticket> changed_tickets,
                    absl::Span<const Stock> changed_stocks) override {
    if (!save_status.ok()) return save_status;
    for (const Ticket& ticket : changed_tickets) {
      tickets[ticket.order_id()] = ticket.data();
      if (ticket.fact().has_value()) facts.push_back(*ticket.fact());
    }
    for (const Stock& stock : changed_stocks) {
      if (stock.movements().empty()) continue;
      stocks[stock.item()] = stock.on_hand();
      movements.insert(movements.end(), stock.movements().begin(),
                       stock.movements().end());
    }
    return absl::OkStatus();
  }
};

}  // namespace cook
