#include "tests/simulator/stores.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace simulator {
namespace {

bool IsFinal(order::OrderStatus status) {
  return !order::FinalReason(status).empty();
}

bool IsFinal(cook::TicketStatus status) {
  return status != cook::TicketStatus::kCooking;
}

}  // namespace

const char* Name(Service service) {
  constexpr const char* kNames[] = {"order", "cook", "delivery", "mypage"};
  return kNames[static_cast<int>(service)];
}

const char* Type(const Event& event) {
  constexpr const char* kOrder[] = {
      "Ordered",        "OrderCancelPending", "OrderCancelRefused",
      "OrderCancelled", "OrderRejected",      "OrderCompleted"};
  constexpr const char* kCook[] = {"CookStarted", "CookQtyChecked", "Cooked",
                                   "CookCancelled"};
  constexpr const char* kDelivery[] = {"DeliveryStarted", "Delivered"};
  if (const auto* order = std::get_if<OrderSays>(&event.says)) {
    return kOrder[order->fact.what.index()];
  }
  if (const auto* cook = std::get_if<CookSays>(&event.says)) {
    return kCook[cook->fact.index()];
  }
  return kDelivery[std::get<DeliverySays>(event.says).fact.index()];
}

bool Transaction::Note(const Event& event) {
  const Inbox& inbox = database_.inbox[static_cast<size_t>(event.source)];
  if (inbox.Has(event.number) ||
      std::find(noted_.begin(), noted_.end(), &event) != noted_.end()) {
    return false;
  }
  noted_.push_back(&event);
  return true;
}

void Transaction::Append(Service source, std::string order_id, int version,
                         std::variant<OrderSays, CookSays, DeliverySays> says) {
  appended_.push_back({.source = source,
                       .order_id = std::move(order_id),
                       .version = version,
                       .time = now_,
                       .says = std::move(says)});
}

std::string Transaction::Commit() {
  std::string broken;
  for (const Event* event : noted_) {
    std::vector<char>& seen =
        database_.inbox[static_cast<size_t>(event->source)].seen;
    if (seen.size() <= event->number) seen.resize(event->number + 16);
    seen[event->number] = 1;
  }
  for (order::OrderState& order : orders) {
    const auto found = database_.orders.find(order.id);
    if (found == database_.orders.end()) {
      const std::string id = order.id;
      database_.orders.emplace(id, std::move(order));
      continue;
    }
    if (IsFinal(found->second.status) && found->second.status != order.status) {
      broken = absl::StrCat("I3: order ", order.id, " was ",
                            order::Name(found->second.status), ", became ",
                            order::Name(order.status));
    }
    if (order.version <= found->second.version) {
      broken = absl::StrCat("I8: order ", order.id, " went back to version ",
                            order.version);
    }
    found->second = std::move(order);
  }
  for (auto& [request, id] : requests) database_.by_request[request] = id;
  for (cook::TicketData& ticket : tickets) {
    const auto found = database_.tickets.find(ticket.order.order_id);
    if (found == database_.tickets.end()) {
      const std::string id = ticket.order.order_id;
      database_.tickets.emplace(id, std::move(ticket));
      continue;
    }
    if (IsFinal(found->second.status)) {
      broken = absl::StrCat("I3: the ticket of ", ticket.order.order_id,
                            " was ", cook::Name(found->second.status),
                            ", became ", cook::Name(ticket.status));
    }
    found->second = std::move(ticket);
  }
  for (const cook::Stock& stock : stocks) {
    database_.stock[stock.item()] = stock.on_hand();
    for (const cook::Movement& movement : stock.movements()) {
      database_.ledger[stock.item()] += movement.delta;
    }
    if (stock.on_hand() < 0) broken = "I4: a stock is below 0";
  }
  for (delivery::DeliveryData& delivery : deliveries) {
    database_.deliveries[delivery.parcel.order_id] = std::move(delivery);
  }
  for (mypage::MypageView& view : views) {
    database_.views.insert_or_assign(view.order_id(), std::move(view));
  }
  for (Event& event : appended_) {
    event.number = events_.size();
    events_.push_back(std::move(event));
    database_.outbox.push_back({&events_.back()});
  }
  return broken;
}

absl::StatusOr<std::vector<order::Order>> Orders::Load(
    absl::Span<const std::string> ids) {
  std::vector<order::Order> loaded;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (std::find(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(i),
                  ids[i]) != ids.begin() + static_cast<ptrdiff_t>(i)) {
      continue;
    }
    const auto found = tx_.database().orders.find(ids[i]);
    if (found != tx_.database().orders.end()) {
      loaded.push_back(order::Order::Restore(found->second));
    }
  }
  return loaded;
}

absl::Status Orders::Save(absl::Span<const order::Order> orders) {
  for (const order::Order& order : orders) {
    if (order.facts().empty()) continue;
    for (const order::Fact& fact : order.facts()) {
      tx_.Append(Service::kOrder, order.state().id, fact.after.version,
                 OrderSays{fact});
    }
    tx_.orders.push_back(order.state());
  }
  return absl::OkStatus();
}

absl::flat_hash_set<std::string> Tickets::Claim(
    absl::Span<const cook::OrderDetails> orders, absl::Time /*now*/) {
  absl::flat_hash_set<std::string> claimed;
  for (const cook::OrderDetails& order : orders) {
    if (!tx_.database().tickets.contains(order.order_id)) {
      claimed.insert(order.order_id);
    }
  }
  return claimed;
}

std::optional<cook::Ticket> Tickets::Lock(absl::string_view order_id) {
  const auto found = tx_.database().tickets.find(std::string(order_id));
  if (found == tx_.database().tickets.end()) return std::nullopt;
  return cook::Ticket::Restore(found->second);
}

std::vector<cook::Ticket> Tickets::LockDue(absl::Time made_by, int limit) {
  std::vector<cook::Ticket> due;
  for (const auto& [id, ticket] : tx_.database().tickets) {
    if (ticket.status == cook::TicketStatus::kCooking &&
        ticket.created <= made_by && static_cast<int>(due.size()) < limit) {
      due.push_back(cook::Ticket::Restore(ticket));
    }
  }
  return due;
}

std::vector<cook::Stock> Tickets::LockStocks(
    absl::Span<const cook::Item> items) {
  std::vector<cook::Stock> stocks;
  for (const cook::Item& item : items) {
    const auto found = tx_.database().stock.find(item);
    if (found == tx_.database().stock.end()) continue;
    stocks.push_back(
        cook::Stock::Restore(item, found->second, absl::UnixEpoch()));
  }
  return stocks;
}

cook::Stock Tickets::LockOrMakeStock(const cook::Item& item,
                                     absl::Time /*now*/) {
  std::vector<cook::Stock> stocks = LockStocks({item});
  return stocks.empty() ? cook::Stock(item) : stocks.front();
}

absl::Status Tickets::Save(absl::Span<const cook::Ticket> tickets,
                           absl::Span<const cook::Stock> stocks) {
  for (const cook::Ticket& ticket : tickets) {
    if (!ticket.fact().has_value()) continue;
    tx_.tickets.push_back(ticket.data());
    tx_.Append(Service::kCook, ticket.order_id(), ticket.data().version,
               CookSays{ticket.data(), *ticket.fact()});
  }
  for (const cook::Stock& stock : stocks) {
    if (!stock.movements().empty()) tx_.stocks.push_back(stock);
  }
  return absl::OkStatus();
}

void Deliveries::Add(absl::Span<const delivery::Delivery> deliveries) {
  for (const delivery::Delivery& delivery : deliveries) {
    if (tx_.database().deliveries.contains(delivery.order_id())) continue;
    tx_.deliveries.push_back(delivery.data());
    tx_.Append(Service::kDelivery, delivery.order_id(), delivery.data().version,
               DeliverySays{delivery.data(), *delivery.fact()});
  }
}

std::optional<delivery::Delivery> Deliveries::Lock(absl::string_view order_id) {
  const auto found = tx_.database().deliveries.find(std::string(order_id));
  if (found == tx_.database().deliveries.end()) return std::nullopt;
  return delivery::Delivery::Restore(found->second);
}

std::vector<delivery::Delivery> Deliveries::LockDue(absl::Time started_by,
                                                    int limit) {
  std::vector<delivery::Delivery> due;
  for (const auto& [id, data] : tx_.database().deliveries) {
    if (data.status == delivery::DeliveryStatus::kStarted &&
        data.created <= started_by && static_cast<int>(due.size()) < limit) {
      due.push_back(delivery::Delivery::Restore(data));
    }
  }
  return due;
}

absl::Status Deliveries::Save(absl::Span<const delivery::Delivery> deliveries) {
  for (const delivery::Delivery& delivery : deliveries) {
    if (!delivery.fact().has_value()) continue;
    tx_.deliveries.push_back(delivery.data());
    tx_.Append(Service::kDelivery, delivery.order_id(), delivery.data().version,
               DeliverySays{delivery.data(), *delivery.fact()});
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::flat_hash_set<std::string>> Views::Known(
    absl::Span<const std::string> order_ids) {
  absl::flat_hash_set<std::string> known;
  for (const std::string& id : order_ids) {
    if (tx_.database().views.contains(id)) known.insert(id);
  }
  return known;
}

absl::StatusOr<absl::flat_hash_set<std::string>> Views::Insert(
    absl::Span<const mypage::MypageView* const> views) {
  absl::flat_hash_set<std::string> inserted;
  for (const mypage::MypageView* view : views) {
    if (tx_.database().views.contains(view->order_id())) continue;
    inserted.insert(view->order_id());
    tx_.views.push_back(*view);
  }
  return inserted;
}

absl::StatusOr<std::vector<mypage::MypageView>> Views::Load(
    absl::Span<const std::string> order_ids) {
  std::vector<mypage::MypageView> loaded;
  for (const std::string& id : order_ids) {
    const auto found = tx_.database().views.find(id);
    if (found != tx_.database().views.end()) loaded.push_back(found->second);
  }
  return loaded;
}

absl::Status Views::Update(absl::Span<const mypage::MypageView> views) {
  for (const mypage::MypageView& view : views) tx_.views.push_back(view);
  return absl::OkStatus();
}

}  // namespace simulator
