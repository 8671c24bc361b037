// Four databases in memory, and the services' own store interfaces on them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "cook/app/ticket_store.h"
#include "delivery/app/delivery_store.h"
#include "mypage/app/mypage_store.h"
#include "order/app/order_store.h"

namespace simulator {

enum class Service { kOrder, kCook, kDelivery, kMypage };
inline constexpr int kServices = 4;
const char* Name(Service service);

// What a publisher says: a fact, with its aggregate as it was after it.
struct OrderSays {
  order::Fact fact;
};
struct CookSays {
  cook::TicketData ticket;
  cook::Fact fact;
};
struct DeliverySays {
  delivery::DeliveryData delivery;
  delivery::Fact fact;
};

struct Event {
  size_t number = 0;  // of all events; its id is "e<number>"
  Service source = Service::kOrder;
  std::string order_id;
  int version = 0;
  absl::Time time;
  std::variant<OrderSays, CookSays, DeliverySays> says;
};
// The event's type, e.g. "Ordered".
const char* Type(const Event& event);

struct OutboxRow {
  const Event* event = nullptr;
  bool published = false;
};

// What a subscriber has of one publisher's events.
struct Inbox {
  std::vector<char> seen;  // by event number
  bool Has(size_t number) const {
    return number < seen.size() && seen[number] != 0;
  }
};

struct Database {
  std::vector<OutboxRow> outbox;
  std::array<Inbox, kServices> inbox;  // by publisher
  // Of order only.
  std::map<std::string, order::OrderState> orders;
  std::map<int, std::string> by_request;  // request → order id
  // Of cook only.
  std::map<std::string, cook::TicketData> tickets;
  std::map<cook::Item, int32_t> stock;
  std::map<cook::Item, int64_t> ledger;  // sums
  // Of delivery only.
  std::map<std::string, delivery::DeliveryData> deliveries;
  // Of mypage only.
  std::map<std::string, mypage::MypageView> views;
};

// One transaction: reads what is committed, writes at Commit(). One thread, so
// nobody comes between.
class Transaction {
 public:
  Transaction(Database& database, std::deque<Event>& events, absl::Time now)
      : database_(database), events_(events), now_(now) {}

  // Notes an event; false if it was noted before.
  bool Note(const Event& event);

  // Writes. The first rule of a database that was broken, or "".
  std::string Commit();

  Database& database() { return database_; }

  // Written at Commit().
  std::vector<order::OrderState> orders;
  std::vector<std::pair<int, std::string>> requests;
  std::vector<cook::TicketData> tickets;
  std::vector<cook::Stock> stocks;
  std::vector<delivery::DeliveryData> deliveries;
  std::vector<mypage::MypageView> views;
  void Append(Service source, std::string order_id, int version,
              std::variant<OrderSays, CookSays, DeliverySays> says);

 private:
  Database& database_;
  std::deque<Event>& events_;
  const absl::Time now_;
  std::vector<Event> appended_;
  std::vector<const Event*> noted_;
};

class Orders final : public order::OrderStore {
 public:
  explicit Orders(Transaction& tx) : tx_(tx) {}
  absl::StatusOr<std::vector<order::Order>> Load(
      absl::Span<const std::string> ids) override;
  absl::Status Save(absl::Span<const order::Order> orders) override;

 private:
  Transaction& tx_;
};

class Tickets final : public cook::TicketStore {
 public:
  explicit Tickets(Transaction& tx) : tx_(tx) {}
  absl::flat_hash_set<std::string> Claim(
      absl::Span<const cook::OrderDetails> orders, absl::Time now) override;
  std::optional<cook::Ticket> Lock(absl::string_view order_id) override;
  std::vector<cook::Ticket> LockDue(absl::Time made_by, int limit) override;
  std::vector<cook::Stock> LockStocks(
      absl::Span<const cook::Item> items) override;
  cook::Stock LockOrMakeStock(const cook::Item& item, absl::Time now) override;
  absl::Status Save(absl::Span<const cook::Ticket> tickets,
                    absl::Span<const cook::Stock> stocks) override;

 private:
  Transaction& tx_;
};

class Deliveries final : public delivery::DeliveryStore {
 public:
  explicit Deliveries(Transaction& tx) : tx_(tx) {}
  void Add(absl::Span<const delivery::Delivery> deliveries) override;
  std::optional<delivery::Delivery> Lock(absl::string_view order_id) override;
  std::vector<delivery::Delivery> LockDue(absl::Time started_by,
                                          int limit) override;
  absl::Status Save(absl::Span<const delivery::Delivery> deliveries) override;

 private:
  Transaction& tx_;
};

class Views final : public mypage::MypageStore {
 public:
  explicit Views(Transaction& tx) : tx_(tx) {}
  absl::StatusOr<absl::flat_hash_set<std::string>> Known(
      absl::Span<const std::string> order_ids) override;
  absl::StatusOr<absl::flat_hash_set<std::string>> Insert(
      absl::Span<const mypage::MypageView* const> views) override;
  absl::StatusOr<std::vector<mypage::MypageView>> Load(
      absl::Span<const std::string> order_ids) override;
  absl::Status Update(absl::Span<const mypage::MypageView> views) override;

 private:
  Transaction& tx_;
};

}  // namespace simulator
