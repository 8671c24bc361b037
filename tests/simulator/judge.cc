// The invariants I1 to I11 of a history that has come to rest.
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

#include "tests/simulator/world.h"

namespace simulator {

using cook::TicketStatus;
using delivery::DeliveryStatus;
using order::OrderStatus;

void World::Judge() {
  outcome_.orders = static_cast<int>(Db(Service::kOrder).orders.size());
  for (const auto& [id, order] : Db(Service::kOrder).orders) JudgeOrder(order);
  JudgeCustomers();
  JudgeStock();
  JudgeEvents();
  JudgeViews();
}

// I1, I3: one end, and the services agree on it.
void World::JudgeOrder(const order::OrderState& order) {
  const auto& tickets = Db(Service::kCook).tickets;
  const auto ticket = tickets.find(order.id);
  if (ticket == tickets.end()) {
    return Violate(absl::StrCat("I1: cook never decided about ", order.id));
  }
  const auto& deliveries = Db(Service::kDelivery).deliveries;
  const auto delivery = deliveries.find(order.id);
  const bool delivered = delivery != deliveries.end() &&
                         delivery->second.status == DeliveryStatus::kDelivered;
  const TicketStatus cooked = ticket->second.status;
  const bool none = delivery == deliveries.end();
  const bool agree = (order.status == OrderStatus::kCompleted &&
                      cooked == TicketStatus::kCooked && delivered) ||
                     (order.status == OrderStatus::kCancelled &&
                      cooked == TicketStatus::kCancelled && none) ||
                     (order.status == OrderStatus::kRejected &&
                      cooked == TicketStatus::kRejected && none);
  if (!agree) {
    Violate(
        absl::StrCat("I3: ", order.id, " is ", order::Name(order.status),
                     ", its ticket ", cook::Name(cooked), ", its delivery ",
                     none ? "none" : delivery::Name(delivery->second.status)));
  }
}

// I2, I5, I10: what customers were told.
void World::JudgeCustomers() {
  const auto& orders = Db(Service::kOrder).orders;
  if (orders.size() > lives_.size()) {
    Violate("I10: more orders than requests");
  }
  for (const auto& [id, ticket] : Db(Service::kCook).tickets) {
    if (!orders.contains(id)) Violate(absl::StrCat("I2: nobody ordered ", id));
  }
  for (const Life& life : lives_) {
    const auto order = orders.find(life.order_id);
    if (order == orders.end()) {
      Violate(absl::StrCat("I1: request ", life.request, " has no order"));
      continue;
    }
    const OrderStatus end = order->second.status;
    if (life.cancelled && end != OrderStatus::kCancelled) {
      Violate(absl::StrCat("I5: the customer was told that ", life.order_id,
                           " is cancelled; it is ", order::Name(end)));
    }
    for (const std::string& reason : life.refusals) {
      const bool cooked =
          reason == cook::kAlreadyCooked || reason == "ORDER_COMPLETED";
      if (end != (cooked ? OrderStatus::kCompleted : OrderStatus::kRejected)) {
        Violate(absl::StrCat("I5: a cancel of ", life.order_id,
                             " was refused (", reason, "); it is ",
                             order::Name(end)));
      }
    }
  }
}

// I4: what was there is there or was eaten.
void World::JudgeStock() {
  Database& cook = Db(Service::kCook);
  std::map<cook::Item, int64_t> used;
  for (const auto& [id, ticket] : cook.tickets) {
    if (ticket.status == TicketStatus::kCooked) {
      used[ticket.order.item()] += ticket.order.qty;
    }
  }
  for (const auto& [item, initial] : initial_) {
    if (cook.stock[item] + used[item] != initial) {
      Violate(absl::StrCat("I4: of item ", item.restaurant_menu_id, " ",
                           initial, " were there; ", used[item],
                           " were cooked and ", cook.stock[item], " are left"));
    }
    if (cook.ledger[item] != cook.stock[item]) {
      Violate("I4: the ledger's sum is not the stock");
    }
  }
}

// I6, I7, I11: every change was told, once, and heard.
void World::JudgeEvents() {
  for (const Service publisher :
       {Service::kOrder, Service::kCook, Service::kDelivery}) {
    std::map<std::string, int> versions;
    for (const OutboxRow& row : Db(publisher).outbox) {
      const Event& event = *row.event;
      if (event.version != ++versions[event.order_id]) {
        Violate(absl::StrCat("I6: ", Name(publisher), " said version ",
                             event.version, " of ", event.order_id, " after ",
                             versions[event.order_id] - 1));
      }
      if (!row.published) {
        Violate(absl::StrCat("I6: e", event.number, " was never published"));
      }
      for (const Durable& durable : durables_) {
        if (durable.publisher != publisher) continue;
        if (!Db(durable.subscriber)
                 .inbox[static_cast<size_t>(publisher)]
                 .Has(event.number)) {
          Violate(absl::StrCat("I11: ", Name(durable.subscriber),
                               " never processed ", Type(event), " of ",
                               event.order_id));
        }
      }
    }
    for (const auto& [id, order] : Db(publisher).orders) {
      if (order.version != versions[id]) {
        Violate(absl::StrCat("I6: ", id, " has version ", order.version,
                             " and told ", versions[id]));
      }
    }
  }
}

// I9: a page is the fold of all that was said.
void World::JudgeViews() {
  std::map<std::string, mypage::MypageView> folded;
  for (const Service publisher :
       {Service::kOrder, Service::kCook, Service::kDelivery}) {
    for (const OutboxRow& row : Db(publisher).outbox) {
      const mypage::Heard heard = HeardOf(*row.event);
      folded.try_emplace(heard.order_id, heard.order_id)
          .first->second.Apply(heard.header, heard.entry);
    }
  }
  if (folded != Db(Service::kMypage).views) {
    Violate("I9: a page is not what was said");
  }
}

}  // namespace simulator
