// A TicketStore in memory that keeps the contract a test can see: what is
// claimed must be saved, and what is saved must have been locked.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

  ~FakeTicketStore() override {
    EXPECT_THAT(claimed_, ::testing::IsEmpty()) << "claimed, but not saved";
  }

  absl::flat_hash_set<std::string> Claim(absl::Span<const OrderDetails> orders,
                                         absl::Time /*now*/) override {
    absl::flat_hash_set<std::string> claimed;
    for (const OrderDetails& order : orders) {
      if (!tickets.contains(order.order_id)) claimed.insert(order.order_id);
    }
    locks.emplace_back("tickets");
    claimed_.insert(claimed.begin(), claimed.end());
    return claimed;
  }

  std::optional<Ticket> Lock(absl::string_view order_id) override {
    locks.emplace_back("tickets");
    const auto found = tickets.find(std::string(order_id));
    if (found == tickets.end()) return std::nullopt;
    locked_.insert(found->first);
    return Ticket::Restore(found->second);
  }

  std::vector<Ticket> LockDue(absl::Time made_by, int limit) override {
    std::vector<Ticket> due;
    for (const auto& [id, data] : tickets) {
      if (data.status != TicketStatus::kCooking || data.created > made_by) {
        continue;
      }
      if (due.size() < static_cast<size_t>(limit)) {
        locked_.insert(id);
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
      locked_stocks_.insert(item);
      found.push_back(Stock::Restore(item, stock->second, absl::UnixEpoch()));
    }
    return found;
  }

  Stock LockOrMakeStock(const Item& item, absl::Time now) override {
    locks.emplace_back("stocks");
    locked_stocks_.insert(item);
    return Stock::Restore(item, stocks[item], now);
  }

  absl::Status Save(absl::Span<const Ticket> changed_tickets,
                    absl::Span<const Stock> changed_stocks) override {
    // A use case saves last; with that its transaction ends, either way.
    std::set<std::string> claimed = std::exchange(claimed_, {});
    const std::set<std::string> locked = std::exchange(locked_, {});
    const std::set<Item> locked_stocks = std::exchange(locked_stocks_, {});
    if (!save_status.ok()) return save_status;
    for (const Ticket& ticket : changed_tickets) {
      const std::string& id = ticket.order_id();
      if (ticket.is_new()) {
        EXPECT_EQ(claimed.erase(id), 1U) << id << " was not claimed";
      } else {
        EXPECT_TRUE(locked.contains(id)) << id << " was not locked";
      }
      tickets[id] = ticket.data();
      if (ticket.fact().has_value()) facts.push_back(*ticket.fact());
    }
    for (const Stock& stock : changed_stocks) {
      if (stock.movements().empty()) continue;
      EXPECT_TRUE(locked_stocks.contains(stock.item()))
          << "stock of item " << stock.item().restaurant_menu_id
          << " was not locked";
      stocks[stock.item()] = stock.on_hand();
      movements.insert(movements.end(), stock.movements().begin(),
                       stock.movements().end());
    }
    EXPECT_THAT(claimed, ::testing::IsEmpty()) << "claimed, but not saved";
    return absl::OkStatus();
  }

 private:
  std::set<std::string> claimed_;
  std::set<std::string> locked_;
  std::set<Item> locked_stocks_;
};

}  // namespace cook
