// The kitchen's ticket: what it does for one order. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "cook/domain/stock.h"

namespace cook {

enum class TicketStatus { kCooking, kCooked, kCancelled, kRejected };

// "COOKING", "COOKED", "CANCELLED", "REJECTED".
absl::string_view Name(TicketStatus status);
std::optional<TicketStatus> ParseTicketStatus(absl::string_view name);

// Who does something to a ticket.
inline constexpr absl::string_view kKitchen = "kitchen";
inline constexpr absl::string_view kCustomer = "customer";
inline constexpr absl::string_view kOperator = "operator";

// Reasons of refusals, as clients see them.
inline constexpr absl::string_view kAlreadyCooked = "ALREADY_COOKED";
inline constexpr absl::string_view kQuantityOver = "QUANTITY_OVER";
inline constexpr absl::string_view kTicketCancelled = "TICKET_CANCELLED";
inline constexpr absl::string_view kTicketNotFound = "TICKET_NOT_FOUND";

// What was ordered.
struct OrderDetails {
  std::string order_id;  // a UUID in canonical lower case
  int32_t restaurant_id = 0;
  int32_t restaurant_menu_id = 0;
  int32_t customer_id = 0;
  int32_t qty = 0;  // 1 to 100

  Item item() const { return {restaurant_id, restaurant_menu_id}; }
  friend bool operator==(const OrderDetails&, const OrderDetails&) = default;
};

// Facts: what other services may react to. One for each change of a ticket.
struct CookStarted {
  friend bool operator==(const CookStarted&, const CookStarted&) = default;
};
struct CookQtyChecked {
  int32_t on_hand = 0;  // when it was looked at
  friend bool operator==(const CookQtyChecked&,
                         const CookQtyChecked&) = default;
};
struct Cooked {
  friend bool operator==(const Cooked&, const Cooked&) = default;
};
struct CookCancelled {
  std::string reason;
  std::string by;
  friend bool operator==(const CookCancelled&, const CookCancelled&) = default;
};
using Fact = std::variant<CookStarted, CookQtyChecked, Cooked, CookCancelled>;

// What a ticket is made of.
struct TicketData {
  OrderDetails order;
  TicketStatus status = TicketStatus::kCooking;
  int32_t version = 1;  // one more with every change of status
  absl::Time created;
  absl::Time modified;         // when `status` last changed
  std::string reason{};        // why it was cancelled or rejected
  std::string cancelled_by{};  // kCustomer or kOperator; empty unless cancelled

  friend bool operator==(const TicketData&, const TicketData&) = default;
};

// A ticket, from the order's arrival (or its cancel, if that came first) to its
// end.
//
//   Begin ----> COOKING --> COOKED
//     |            |
//     |            +------> CANCELLED <---- Tombstone
//     +--> REJECTED
//
// A step that has already been taken succeeds and changes nothing. A step that
// the diagram does not show fails with `FAILED_PRECONDITION` and the reason
// why: ALREADY_COOKED, QUANTITY_OVER or TICKET_CANCELLED.
//
// Not thread-safe; a ticket lives inside one transaction, and changes at most
// once in it.
class Ticket {
 public:
  // Begins to cook if `stock`, which must be of the ordered item, has enough:
  // takes it. Otherwise the ticket is rejected and nothing is taken.
  static Ticket Begin(OrderDetails order, Stock& stock, absl::Time now);

  // The ticket of an order that was cancelled before it was heard of. It took
  // no stock and returns none; when the order arrives nothing is cooked.
  static Ticket Tombstone(OrderDetails order, std::string reason,
                          std::string by, absl::Time now);

  // Rebuilds a ticket from storage. Records no fact.
  static Ticket Restore(TicketData data);

  // Cancels. The stock that a ticket which was COOKING took is the caller's to
  // return.
  absl::Status Cancel(std::string reason, std::string by, absl::Time now);

  // Says that the dish is done.
  absl::Status Finish(absl::Time now);

  const TicketData& data() const { return data_; }
  const std::string& order_id() const { return data_.order.order_id; }
  TicketStatus status() const { return data_.status; }
  // True if it was made, not restored.
  bool is_new() const { return is_new_; }
  // What happened to it since it was made or restored, if anything.
  const std::optional<Fact>& fact() const { return fact_; }

 private:
  explicit Ticket(TicketData data) : data_(std::move(data)) {}
  void MoveTo(TicketStatus next, absl::Time now);
  absl::Status Refuse(absl::string_view reason) const;

  TicketData data_;
  bool is_new_ = false;
  std::optional<Fact> fact_;
};

}  // namespace cook
