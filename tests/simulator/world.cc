#include "tests/simulator/world.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "cook/app/use_cases.h"
#include "delivery/app/use_cases.h"
#include "mypage/app/use_cases.h"
#include "platform/status/error.h"

namespace simulator {
namespace {

// Milliseconds.
constexpr int64_t kFaultsEnd = 20'000;
constexpr int64_t kAckWait = 3'000;
constexpr int64_t kCallTimeout = 1'000;
constexpr int64_t kRestart = 500;
constexpr int64_t kRetry = 200;
constexpr int64_t kAskAgain = 1'000;
constexpr int64_t kReconcile = 5'000;
// A kitchen that takes longer than all faults, and until when a pending cancel
// must have been decided.
constexpr int64_t kSlowKitchen = 60'000;
constexpr int64_t kPendingEnds = kFaultsEnd + 20'000;
constexpr int64_t kLongestLife = 600'000;
constexpr int64_t kMostSteps = 100'000;

// Of the chance of a fault, in percent; the first is never.
constexpr uint32_t kPercents[] = {0, 2, 8, 25};
constexpr uint32_t kCrashPercents[] = {0, 0, 1, 4};

constexpr cook::Item kItems[] = {{1, 1}, {1, 2}};

}  // namespace

mypage::Heard HeardOf(const Event& event) {
  mypage::Heard heard;
  heard.order_id = event.order_id;
  mypage::Entry& entry = heard.entry;
  entry.event_id = absl::StrCat("e", event.number);
  entry.version = event.version;
  entry.status = Type(event);
  entry.at = event.time;
  entry.source = static_cast<mypage::Source>(event.source);
  if (const auto* says = std::get_if<OrderSays>(&event.says)) {
    const order::OrderState& order = says->fact.after;
    heard.header = {order.customer_id, order.restaurant_id,
                    order.restaurant_menu_id, order.qty, order.created};
    entry.state = static_cast<int>(order.status) + 1;
  } else if (const auto* cook = std::get_if<CookSays>(&event.says)) {
    const cook::OrderDetails& order = cook->ticket.order;
    heard.header = {order.customer_id, order.restaurant_id,
                    order.restaurant_menu_id, order.qty, std::nullopt};
    entry.state = static_cast<int>(cook->ticket.status) + 1;
  } else {
    const auto& delivery = std::get<DeliverySays>(event.says).delivery;
    heard.header = {delivery.parcel.customer_id, delivery.parcel.restaurant_id,
                    delivery.parcel.restaurant_menu_id, delivery.parcel.qty,
                    std::nullopt};
    entry.state = static_cast<int>(delivery.status) + 1;
  }
  return heard;
}

namespace {

cook::OrderDetails DetailsOf(const order::OrderState& order) {
  return {order.id, order.restaurant_id, order.restaurant_menu_id,
          order.customer_id, order.qty};
}

}  // namespace

const char* Name(Bug bug) {
  constexpr const char* kNames[] = {"none",
                                    "ack_before_commit",
                                    "mark_before_publish",
                                    "skip_inbox",
                                    "swallow_errors",
                                    "no_tombstone",
                                    "return_twice",
                                    "last_arrival_wins",
                                    "forget_requests",
                                    "answer_before_commit",
                                    "forget_pending",
                                    "reuse_message_ids",
                                    "keep_version",
                                    "cook_cancelled"};
  return kNames[static_cast<int>(bug)];
}

Outcome Run(const Options& options, Choices& choices) {
  return World(options, choices).Run();
}

World::World(const Options& options, Choices& choices)
    : options_(options), choices_(choices) {
  up_.fill(true);
  for (size_t fault = 0; fault < kFaults; ++fault) {
    const uint32_t level = choices_.Choose(4);
    percent_[fault] = fault == kCrash || fault == kWipe ? kCrashPercents[level]
                                                        : kPercents[level];
  }
  using enum Service;
  for (const auto& [subscriber, publisher] : {std::pair{kCook, kOrder},
                                              {kMypage, kOrder},
                                              {kOrder, kCook},
                                              {kDelivery, kCook},
                                              {kMypage, kCook},
                                              {kOrder, kDelivery},
                                              {kMypage, kDelivery}}) {
    durables_.push_back({.subscriber = subscriber, .publisher = publisher});
  }
}

Outcome World::Run() {
  for (const cook::Item& item : kItems) {
    const auto on_hand = static_cast<int32_t>(6 - choices_.Choose(6));
    initial_[item] = on_hand;
    Db(Service::kCook).stock[item] = on_hand;
    Db(Service::kCook).ledger[item] = on_hand;
  }
  for (int i = 0; i < options_.orders; ++i) {
    Life& life = lives_.emplace_back();
    life.request = i;
    const cook::Item item = kItems[choices_.Choose(2)];
    life.wish = {.customer_id = i + 1,
                 .restaurant_id = item.restaurant_id,
                 .restaurant_menu_id = item.restaurant_menu_id,
                 .qty = static_cast<int32_t>(1 + choices_.Choose(3))};
    At(choices_.Choose(300), [this, &life] { Place(life); });
  }
  if (percent_[kWipe] > 0) {
    const auto publisher = static_cast<Service>(choices_.Choose(3));
    At(100 + 10 * choices_.Choose(200), [=, this] { Wipe(publisher); });
  }
  At(kPendingEnds, [this] {
    for (const auto& [id, order] : Db(Service::kOrder).orders) {
      if (order.status == order::OrderStatus::kCancelPending) {
        Violate(absl::StrCat("I5: the cancel of ", id, " stays pending"));
      }
    }
  });
  while (!queue_.empty() && outcome_.violation.empty()) {
    std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
    const Timed timed = std::move(queue_.back());
    queue_.pop_back();
    now_ = timed.at;
    ++outcome_.steps;
    if (now_ > kLongestLife || outcome_.steps > kMostSteps) {
      Violate("I3: it does not come to rest");
      break;
    }
    try {
      timed.step();
    } catch (const Crash& crash) {
      Die(crash.service);
    }
  }
  if (outcome_.violation.empty()) Judge();
  return std::move(outcome_);
}

// Chance and time.

bool World::Happens(Fault fault) {
  const uint32_t percent = percent_[fault];
  if (percent == 0 || now_ > kFaultsEnd) return false;
  return choices_.Choose(100) >= 100 - percent;
}

int64_t World::Latency() {
  int64_t latency = 1 + choices_.Choose(8);
  if (Happens(kDelay)) latency += 1 + choices_.Choose(1500);
  return latency;
}

void World::At(int64_t delay, Step step) {
  queue_.push_back({now_ + delay, ++scheduled_, std::move(step)});
  std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
}

// Gone with the process.
void World::In(Service service, int64_t delay, Step step) {
  const auto index = static_cast<size_t>(service);
  At(delay, [this, index, epoch = epoch_[index], step = std::move(step)] {
    if (up_[index] && epoch_[index] == epoch) step();
  });
}

void World::Die(Service service) {
  const auto index = static_cast<size_t>(service);
  Say([&] { return absl::StrCat(Name(service), " dies"); });
  ++outcome_.crashes;
  up_[index] = false;
  ++epoch_[index];
  relay_awake_[index] = false;
  if (service == Service::kOrder) reconciler_awake_ = false;
  for (Durable& durable : durables_) {
    if (durable.subscriber != service) continue;
    durable.handling = false;
    for (const Event* event : durable.arrived) {
      At(kAckWait, [this, &durable, event] { Deliver(durable, *event); });
    }
    durable.arrived.clear();
  }
  At(kRestart, [this, service] { Restart(service); });
}

void World::Restart(Service service) {
  Say([&] { return absl::StrCat(Name(service), " is back"); });
  up_[static_cast<size_t>(service)] = true;
  WakeRelay(service, 1);
  if (service == Service::kOrder) WakeReconciler(1);
}

void World::MayCrash(Service service) {
  if (Happens(kCrash)) throw Crash{service};
}

void World::Say(absl::FunctionRef<std::string()> line) {
  if (!options_.tell) return;
  outcome_.story.push_back(absl::StrCat(now_, " ms: ", line()));
}

void World::Violate(std::string what) {
  if (outcome_.violation.empty()) outcome_.violation = std::move(what);
}

// Transactions.

absl::Status World::Transact(
    Service service, absl::FunctionRef<absl::Status(Transaction&)> body) {
  if (Happens(kDatabase)) return absl::UnavailableError("database away");
  Transaction tx(Db(service), events_, Now());
  if (absl::Status status = body(tx); !status.ok()) return status;
  MayCrash(service);
  std::string broken = tx.Commit();
  if (!broken.empty()) Violate(std::move(broken));
  AfterCommit(service);
  MayCrash(service);
  if (Happens(kDatabase)) return absl::UnavailableError("commit in doubt");
  return absl::OkStatus();
}

// The relay is notified; people see what there is to do.
void World::AfterCommit(Service service) {
  WakeRelay(service, 1);
  Database& database = Db(service);
  for (auto row = database.outbox.rbegin();
       row != database.outbox.rend() && !row->published; ++row) {
    const Event& event = *row->event;
    const char* const type = Type(event);
    if (absl::string_view(type) == "CookStarted" &&
        cooking_.insert(event.order_id).second) {
      const std::string id = event.order_id;
      const int64_t slow = choices_.Choose(8) == 7 ? kSlowKitchen : 0;
      At(slow + 1 + choices_.Choose(200), [this, id] { Finish(id); });
      if (choices_.Choose(10) == 9) {
        At(1 + choices_.Choose(200), [this, id] { CancelByOperator(id); });
      }
    }
    if (absl::string_view(type) == "DeliveryStarted" &&
        delivering_.insert(event.order_id).second) {
      const std::string id = event.order_id;
      At(1 + choices_.Choose(100), [this, id] { Complete(id); });
    }
    if (absl::string_view(type) == "OrderCancelPending") {
      WakeReconciler(kAskAgain);
    }
  }
}

// Events out.

void World::WakeRelay(Service service, int64_t delay) {
  bool& awake = relay_awake_[static_cast<size_t>(service)];
  if (awake || !Up(service)) return;
  awake = true;
  In(service, delay, [this, service] {
    relay_awake_[static_cast<size_t>(service)] = false;
    Relay(service);
  });
}

// One round, with at most one event of an aggregate in flight.
void World::Relay(Service service) {
  std::vector<OutboxRow>& outbox = Db(service).outbox;
  std::vector<OutboxRow*> acknowledged;
  std::set<std::string> failed;
  bool again = false;
  for (OutboxRow& row : outbox) {
    if (row.published) continue;
    if (options_.bug == Bug::kMarkBeforePublish) {
      row.published = true;
      MayCrash(service);
    }
    if (failed.contains(row.event->order_id)) continue;
    MayCrash(service);
    Store(service, *row.event, 0);
    if (Happens(kLoseAck)) {
      failed.insert(row.event->order_id);
      again = true;
    } else {
      acknowledged.push_back(&row);
    }
  }
  MayCrash(service);
  for (OutboxRow* row : acknowledged) row->published = true;
  if (again) WakeRelay(service, kRetry);
}

// The broker: drops what it knows by its message id.
void World::Store(Service publisher, const Event& event, int repair) {
  Stream& stream = streams_[static_cast<size_t>(publisher)];
  if (!stream.ids.emplace(event.number, repair).second) return;
  stream.messages.push_back(&event);
  // Under a new id it is a new message to everybody.
  if (repair > 0) {
    for (Durable& durable : durables_) {
      if (durable.publisher == publisher &&
          event.number < durable.acked.size()) {
        durable.acked[event.number] = 0;
      }
    }
  }
  Say([&] {
    return absl::StrCat(Name(publisher), " published ", Type(event), " of ",
                        event.order_id, " (e", event.number, ")");
  });
  for (Durable& durable : durables_) {
    if (durable.publisher == publisher) {
      At(Latency(), [this, &durable, &event] { Deliver(durable, event); });
    }
  }
}

void World::Wipe(Service publisher) {
  Say([&] {
    return absl::StrCat("the stream of ", Name(publisher), " loses everything");
  });
  // Message ids live on: as inside the duplicate window after a truncation.
  streams_[static_cast<size_t>(publisher)].messages.clear();
  At(kReconcile, [this, publisher] { Reconcile(publisher); });
  At(kFaultsEnd + kReconcile, [this, publisher] { Reconcile(publisher); });
}

// Publishes again what was published and is not there.
void World::Reconcile(Service publisher) {
  const Stream& stream = streams_[static_cast<size_t>(publisher)];
  ++repairs_;
  for (const OutboxRow& row : Db(publisher).outbox) {
    if (!row.published ||
        std::find(stream.messages.begin(), stream.messages.end(), row.event) !=
            stream.messages.end()) {
      continue;
    }
    Store(publisher, *row.event,
          options_.bug == Bug::kReuseMessageIds ? 0 : repairs_);
  }
}

// Events in.

void World::Deliver(Durable& durable, const Event& event) {
  if (event.number < durable.acked.size() && durable.acked[event.number] != 0) {
    return;
  }
  // The broker repeats only what it has.
  const auto& messages =
      streams_[static_cast<size_t>(durable.publisher)].messages;
  if (std::find(messages.begin(), messages.end(), &event) == messages.end()) {
    return;
  }
  const auto again = [this, &durable, &event] { Deliver(durable, event); };
  if (!Up(durable.subscriber)) return At(kRetry, again);
  if (Happens(kLose)) {
    ++outcome_.redeliveries;
    return At(kAckWait, again);
  }
  if (Happens(kRepeat)) {
    ++outcome_.redeliveries;
    At(Latency(), again);
  }
  durable.arrived.push_back(&event);
  if (durable.handling) return;
  durable.handling = true;
  In(durable.subscriber, choices_.Choose(4), [this, &durable] {
    durable.handling = false;
    Take(durable);
  });
}

// What queued up is applied together, and one by one if that fails.
void World::Take(Durable& durable) {
  // Stay in `arrived`, what a crash gives back, until they are settled.
  const std::vector<const Event*> hand = durable.arrived;
  const auto settled = [&](const Event* event) {
    const auto found =
        std::find(durable.arrived.begin(), durable.arrived.end(), event);
    if (found != durable.arrived.end()) durable.arrived.erase(found);
  };
  if (options_.bug == Bug::kAckBeforeCommit) {
    for (const Event* event : hand) {
      Acknowledge(durable, *event);
      settled(event);
    }
  }
  if (hand.size() > 1 && ApplyOnce(durable, hand).ok()) {
    for (const Event* event : hand) {
      MayCrash(durable.subscriber);
      Acknowledge(durable, *event);
      settled(event);
    }
    return;
  }
  for (const Event* event : hand) {
    const absl::Status status = ApplyOnce(durable, {&event, 1});
    if (status.ok() || options_.bug == Bug::kSwallowErrors) {
      MayCrash(durable.subscriber);
      Acknowledge(durable, *event);
    } else if (absl::IsInvalidArgument(status) ||
               absl::IsFailedPrecondition(status)) {
      Violate(absl::StrCat("I11: ", Name(durable.subscriber), " parked ",
                           Type(*event), " of ", event->order_id, ": ",
                           std::string(status.message())));
    } else {
      At(kRetry, [this, &durable, event] { Deliver(durable, *event); });
    }
    settled(event);
  }
}

void World::Acknowledge(Durable& durable, const Event& event) {
  if (Happens(kLoseAck)) {
    At(kAckWait, [this, &durable, &event] { Deliver(durable, event); });
    return;
  }
  if (durable.acked.size() <= event.number) {
    durable.acked.resize(event.number + 16);
  }
  durable.acked[event.number] = 1;
}

absl::Status World::ApplyOnce(Durable& durable,
                              absl::Span<const Event* const> all) {
  return Transact(durable.subscriber, [&](Transaction& tx) -> absl::Status {
    std::vector<const Event*> unseen;
    for (const Event* event : all) {
      if (options_.bug == Bug::kSkipInbox || tx.Note(*event)) {
        unseen.push_back(event);
      }
    }
    if (unseen.empty()) return absl::OkStatus();
    Say([&] {
      std::string line = absl::StrCat(Name(durable.subscriber), " applies");
      for (const Event* event : unseen) {
        absl::StrAppend(&line, " ", Type(*event), " of ", event->order_id);
      }
      return line;
    });
    return Handle(durable.subscriber, tx, unseen);
  });
}

// What the services' adapters do, without the wire.
absl::Status World::Handle(Service subscriber, Transaction& tx,
                           absl::Span<const Event* const> events) {
  switch (subscriber) {
    case Service::kOrder: {
      std::vector<order::Change> changes;
      for (const Event* event : events) {
        if (const auto* cook = std::get_if<CookSays>(&event->says)) {
          if (std::holds_alternative<cook::CookQtyChecked>(cook->fact)) {
            changes.push_back({event->order_id, [this](order::Order& order) {
                                 return order.Reject(order::kQuantityOver,
                                                     order::kByKitchen, Now());
                               }});
          } else if (const auto* cancelled =
                         std::get_if<cook::CookCancelled>(&cook->fact)) {
            changes.push_back(
                {event->order_id, [this, cancelled](order::Order& order) {
                   return order.Cancel(cancelled->reason, cancelled->by, Now());
                 }});
          }
        } else if (absl::string_view(Type(*event)) == "Delivered") {
          changes.push_back({event->order_id, [this](order::Order& order) {
                               return order.Complete(order::kByCourier, Now());
                             }});
        }
      }
      if (changes.empty()) return absl::OkStatus();
      Orders orders(tx);
      return order::ChangeOrders(orders, changes);
    }
    case Service::kCook: {
      std::vector<cook::OrderDetails> orders;
      for (const Event* event : events) {
        const auto& says = std::get<OrderSays>(event->says);
        if (!std::holds_alternative<order::Ordered>(says.fact.what)) continue;
        orders.push_back(DetailsOf(says.fact.after));
      }
      if (orders.empty()) return absl::OkStatus();
      Tickets tickets(tx);
      return cook::BeginCooking(tickets, orders, Now());
    }
    case Service::kDelivery: {
      std::vector<delivery::Parcel> parcels;
      for (const Event* event : events) {
        const auto& says = std::get<CookSays>(event->says);
        if (!std::holds_alternative<cook::Cooked>(says.fact)) continue;
        const cook::OrderDetails& order = says.ticket.order;
        parcels.push_back({order.order_id, order.restaurant_id,
                           order.restaurant_menu_id, order.customer_id,
                           order.qty});
      }
      Deliveries deliveries(tx);
      delivery::StartDeliveries(deliveries, std::move(parcels), Now());
      return absl::OkStatus();
    }
    case Service::kMypage: {
      std::vector<mypage::Heard> heard;
      heard.reserve(events.size());
      for (const Event* event : events) heard.push_back(HeardOf(*event));
      Views views(tx);
      if (options_.bug == Bug::kLastArrivalWins) {
        for (const mypage::Heard& each : heard) {
          mypage::MypageView view(each.order_id);
          view.Apply(each.header, each.entry);
          if (auto s = views.Update({view}); !s.ok()) return s;
        }
        return absl::OkStatus();
      }
      return mypage::ApplyEvents(views, heard);
    }
  }
  return absl::InternalError("nobody");
}

// People.

void World::Place(Life& life) {
  const auto again = [this, &life] { Place(life); };
  if (!Up(Service::kOrder) || Happens(kLoseCall)) return At(kRetry, again);
  order::OrderState placed;
  absl::Status status;
  try {
    status = Transact(Service::kOrder, [&](Transaction& tx) {
      const auto& known = tx.database().by_request;
      const auto found = known.find(life.request);
      if (found != known.end() && options_.bug != Bug::kForgetRequests) {
        placed = tx.database().orders.at(found->second);
        return absl::OkStatus();
      }
      const order::Order order = order::Order::Place(
          absl::StrCat("o", ++next_order_), life.wish, Now());
      placed = order.state();
      tx.requests.emplace_back(life.request, placed.id);
      Orders orders(tx);
      return orders.Save({order});
    });
  } catch (const Crash& crash) {
    // The customer has no answer, and tries again.
    At(kRetry, again);
    throw;
  }
  if (!status.ok() || Happens(kLoseCall)) return At(kRetry, again);
  if (!life.order_id.empty() && life.order_id != placed.id) {
    Violate(absl::StrCat("I10: one request is ", life.order_id, " and ",
                         placed.id));
  }
  life.order_id = placed.id;
  Say([&] {
    return absl::StrCat("customer ", life.wish.customer_id,
                        " is told: ", placed.id, " placed");
  });
  const uint32_t cancels = choices_.Choose(4);
  for (uint32_t i = 1; i < std::max(cancels, 1U); ++i) {
    At(choices_.Choose(250), [this, &life] { Cancel(life); });
  }
}

void World::Tell(Life& life, const absl::StatusOr<order::OrderState>& told) {
  if (Happens(kLoseCall)) return;
  ++life.answers;
  Say([&] {
    return absl::StrCat("customer ", life.wish.customer_id, " asked to cancel ",
                        life.order_id, " and is told: ",
                        told.ok() ? std::string(order::Name(told->status))
                                  : platform::ReasonOf(told.status()));
  });
  if (told.ok()) {
    if (told->status == order::OrderStatus::kCancelled) life.cancelled = true;
  } else if (absl::IsFailedPrecondition(told.status())) {
    life.refusals.insert(platform::ReasonOf(told.status()));
  }
}

void World::Cancel(Life& life) {
  if (!Up(Service::kOrder) || Happens(kLoseCall)) return;
  const auto& orders = Db(Service::kOrder).orders;
  const auto found = orders.find(life.order_id);
  if (found == orders.end()) {
    return Violate(absl::StrCat("I1: ", life.order_id, " is gone"));
  }
  if (!order::NeedsKitchen(found->second)) {
    return Tell(life, order::PresentState(found->second));
  }
  AskKitchen(found->second, "changed my mind",
             [this, &life](const order::KitchenAnswer& answer) {
               const absl::StatusOr<order::OrderState> told =
                   Settle({life.order_id, "changed my mind",
                           std::string(order::kByCustomer), answer});
               if (told.ok() || absl::IsFailedPrecondition(told.status())) {
                 Tell(life, told);
               }
             });
}

void World::Finish(const std::string& order_id) {
  const auto again = [this, order_id] { Finish(order_id); };
  if (!Up(Service::kCook)) return At(kRetry, again);
  absl::Status status;
  try {
    status = Transact(Service::kCook, [&](Transaction& tx) {
      if (options_.bug == Bug::kCookCancelled) {
        const auto found = tx.database().tickets.find(order_id);
        if (found != tx.database().tickets.end() &&
            found->second.status == cook::TicketStatus::kCancelled) {
          cook::TicketData data = found->second;
          data.status = cook::TicketStatus::kCooked;
          ++data.version;
          tx.tickets.push_back(data);
          tx.Append(Service::kCook, order_id, data.version,
                    CookSays{data, cook::Cooked{}});
          return absl::OkStatus();
        }
      }
      Tickets tickets(tx);
      return cook::FinishCooking(tickets, order_id, Now()).status();
    });
  } catch (const Crash& crash) {
    At(kRetry, again);
    throw;
  }
  if (!status.ok() && !absl::IsFailedPrecondition(status)) At(kRetry, again);
}

void World::CancelByOperator(const std::string& order_id) {
  if (!Up(Service::kCook)) return;
  Transact(Service::kCook, [&](Transaction& tx) {
    Tickets tickets(tx);
    return cook::CancelTicket(tickets,
                              {.order = {.order_id = order_id},
                               .reason = "closed",
                               .by = std::string(cook::kOperator),
                               .may_make_tombstone = false},
                              Now())
        .status();
  }).IgnoreError();
}

void World::Complete(const std::string& order_id) {
  const auto again = [this, order_id] { Complete(order_id); };
  if (!Up(Service::kDelivery)) return At(kRetry, again);
  absl::Status status;
  try {
    status = Transact(Service::kDelivery, [&](Transaction& tx) {
      Deliveries deliveries(tx);
      return delivery::CompleteDelivery(deliveries, order_id, Now()).status();
    });
  } catch (const Crash& crash) {
    At(kRetry, again);
    throw;
  }
  if (!status.ok()) At(kRetry, again);
}

// The cancel path.

// Answers once: what the kitchen said, or kUnknown when time is up. Whatever
// was under way may still arrive there.
void World::AskKitchen(const order::OrderState& order,
                       const std::string& reason, Answered answered) {
  struct Call {
    Answered answered;
  };
  auto call = std::make_shared<Call>(Call{std::move(answered)});
  const auto answer = [call](const order::KitchenAnswer& said) {
    if (call->answered == nullptr) return;
    const Answered once = std::exchange(call->answered, nullptr);
    once(said);
  };
  const auto unknown = [answer] {
    answer({order::KitchenAnswer::Kind::kUnknown, "DEADLINE_EXCEEDED", ""});
  };
  In(Service::kOrder, kCallTimeout, unknown);
  if (Happens(kLoseCall)) return;
  const cook::CancelCommand command{.order = DetailsOf(order),
                                    .reason = reason,
                                    .by = std::string(cook::kCustomer),
                                    .may_make_tombstone = true};
  const int epoch = epoch_[static_cast<size_t>(Service::kOrder)];
  const auto back = [this, epoch](Step step) {
    if (Happens(kLoseCall)) return;
    At(Latency(), [this, epoch, step = std::move(step)] {
      if (Up(Service::kOrder) &&
          epoch_[static_cast<size_t>(Service::kOrder)] == epoch) {
        step();
      }
    });
  };
  At(Latency(), [this, command, answer, unknown, back] {
    if (!Up(Service::kCook)) return back(unknown);
    if (options_.bug == Bug::kAnswerBeforeCommit) {
      back([answer] {
        answer({order::KitchenAnswer::Kind::kCancelled, "", ""});
      });
    }
    absl::StatusOr<cook::Ticket> ticket = absl::UnknownError("");
    const absl::Status done =
        Transact(Service::kCook, [&](Transaction& tx) -> absl::Status {
          Tickets tickets(tx);
          const auto& known = tx.database().tickets;
          const auto found = known.find(command.order.order_id);
          if (options_.bug == Bug::kNoTombstone && found == known.end()) {
            ticket = cook::Ticket::Tombstone(command.order, command.reason,
                                             command.by, Now());
            return absl::OkStatus();
          }
          if (options_.bug == Bug::kReturnTwice && found != known.end() &&
              found->second.status == cook::TicketStatus::kCancelled) {
            cook::Stock stock =
                tickets.LockOrMakeStock(command.order.item(), Now());
            stock.Return(command.order.order_id, command.order.qty, Now());
            tx.stocks.push_back(stock);
          }
          ticket = cook::CancelTicket(tickets, command, Now());
          return ticket.status();
        });
    Say([&] {
      return absl::StrCat("cook is asked to cancel ", command.order.order_id,
                          ": ",
                          done.ok() ? "cancelled" : platform::ReasonOf(done));
    });
    const std::string refusal = platform::ReasonOf(done);
    if (done.ok()) {
      back([answer, data = ticket->data()] {
        answer({order::KitchenAnswer::Kind::kCancelled, data.reason,
                data.cancelled_by});
      });
    } else if (refusal == cook::kAlreadyCooked ||
               refusal == cook::kQuantityOver) {
      back([answer, refusal] {
        answer({order::KitchenAnswer::Kind::kRefused, refusal, ""});
      });
    } else {
      back(unknown);
    }
  });
}

absl::StatusOr<order::OrderState> World::Settle(
    const order::CancelAttempt& attempt) {
  MayCrash(Service::kOrder);
  absl::StatusOr<order::OrderState> told = absl::UnknownError("");
  const absl::Status settled =
      Transact(Service::kOrder, [&](Transaction& tx) -> absl::Status {
        Orders orders(tx);
        auto results = order::SettleCancels(orders, {&attempt, 1}, Now());
        if (!results.ok()) return results.status();
        told = std::move(results->front());
        if (options_.bug == Bug::kKeepVersion) {
          for (order::OrderState& order : tx.orders) --order.version;
        }
        return absl::OkStatus();
      });
  if (!settled.ok()) return settled;
  return told;
}

void World::WakeReconciler(int64_t delay) {
  if (reconciler_awake_ || options_.bug == Bug::kForgetPending) return;
  reconciler_awake_ = true;
  In(Service::kOrder, delay, [this] {
    reconciler_awake_ = false;
    AskAgain();
  });
}

void World::AskAgain() {
  bool pending = false;
  for (const auto& [id, order] : Db(Service::kOrder).orders) {
    if (order.status != order::OrderStatus::kCancelPending) continue;
    pending = true;
    AskKitchen(
        order, order.cancel_reason,
        [this, order = order](const order::KitchenAnswer& answer) {
          if (answer.kind == order::KitchenAnswer::Kind::kUnknown) {
            return;
          }
          Settle({order.id, order.cancel_reason, order.cancel_by, answer})
              .status()
              .IgnoreError();
        });
  }
  if (pending) WakeReconciler(kAskAgain);
}

}  // namespace simulator
