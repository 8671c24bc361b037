#include "cook/app/use_cases.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "platform/planted/planted.h"
#include "platform/status/error.h"

namespace cook {

absl::Status BeginCooking(TicketStore& store,
                          absl::Span<const OrderDetails> orders,
                          absl::Time now) {
  absl::flat_hash_set<std::string> claimed = store.Claim(orders, now);
  if (claimed.empty()) return absl::OkStatus();

  std::map<Item, Stock> by_item;
  for (const OrderDetails& order : orders) {
    if (claimed.contains(order.order_id)) {
      by_item.try_emplace(order.item(), order.item());
    }
  }
  std::vector<Item> items;
  items.reserve(by_item.size());
  for (const auto& [item, stock] : by_item) items.push_back(item);
  for (Stock& stock : store.LockStocks(items)) {
    by_item.insert_or_assign(stock.item(), std::move(stock));
  }

  std::vector<Ticket> tickets;
  tickets.reserve(claimed.size());
  for (const OrderDetails& order : orders) {
    if (claimed.erase(order.order_id) == 0) continue;
    tickets.push_back(Ticket::Begin(order, by_item.at(order.item()), now));
  }
  std::vector<Stock> stocks;
  stocks.reserve(by_item.size());
  for (auto& [item, stock] : by_item) stocks.push_back(std::move(stock));
  return store.Save(tickets, stocks);
}

absl::StatusOr<Ticket> CancelTicket(TicketStore& store,
                                    const CancelCommand& command,
                                    absl::Time now) {
  if (platform::planted::Is("no_tombstone") &&
      !store.Lock(command.order.order_id).has_value()) {
    return Ticket::Tombstone(command.order, command.reason, command.by, now);
  }
  if (command.may_make_tombstone &&
      !store.Claim({command.order}, now).empty()) {
    Ticket ticket =
        Ticket::Tombstone(command.order, command.reason, command.by, now);
    if (absl::Status saved = store.Save({ticket}, {}); !saved.ok()) {
      return saved;
    }
    return ticket;
  }

  std::optional<Ticket> ticket = store.Lock(command.order.order_id);
  if (!ticket.has_value()) return NoTicket(command.order.order_id);
  if (absl::Status cancelled = ticket->Cancel(command.reason, command.by, now);
      !cancelled.ok()) {
    return cancelled;
  }
  if (!ticket->fact().has_value()) return *std::move(ticket);

  const OrderDetails& order = ticket->data().order;
  const int32_t times = platform::planted::Is("stock_returned_twice") ? 2 : 1;
  Stock stock = store.LockOrMakeStock(order.item(), now);
  stock.Return(order.order_id, order.qty * times, now);
  if (absl::Status saved = store.Save({*ticket}, {stock}); !saved.ok()) {
    return saved;
  }
  return *std::move(ticket);
}

absl::StatusOr<Ticket> FinishCooking(TicketStore& store,
                                     absl::string_view order_id,
                                     absl::Time now) {
  std::optional<Ticket> ticket = store.Lock(order_id);
  if (!ticket.has_value()) return NoTicket(order_id);
  if (absl::Status done = ticket->Finish(now); !done.ok()) return done;
  if (absl::Status saved = store.Save({*ticket}, {}); !saved.ok()) return saved;
  return *std::move(ticket);
}

absl::StatusOr<int> FinishDue(TicketStore& store, absl::Time made_by, int limit,
                              absl::Time now) {
  std::vector<Ticket> tickets = store.LockDue(made_by, limit);
  for (Ticket& ticket : tickets) {
    if (absl::Status done = ticket.Finish(now); !done.ok()) return done;
  }
  if (absl::Status saved = store.Save(tickets, {}); !saved.ok()) return saved;
  return static_cast<int>(tickets.size());
}

absl::StatusOr<Stock> SetStock(TicketStore& store, const Item& item,
                               int32_t on_hand, absl::Time now) {
  Stock stock = store.LockOrMakeStock(item, now);
  stock.Set(on_hand, now);
  if (absl::Status saved = store.Save({}, {stock}); !saved.ok()) return saved;
  return stock;
}

absl::Status NoTicket(absl::string_view order_id) {
  return platform::Error(
      absl::StatusCode::kNotFound, kTicketNotFound,
      absl::StrCat("The kitchen has no ticket for order ", order_id, "."),
      {{"order_id", order_id}});
}

}  // namespace cook
