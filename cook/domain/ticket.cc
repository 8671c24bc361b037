#include "cook/domain/ticket.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "platform/planted/planted.h"
#include "platform/status/error.h"

namespace cook {

absl::string_view Name(TicketStatus status) {
  switch (status) {
    case TicketStatus::kCooking:
      return "COOKING";
    case TicketStatus::kCooked:
      return "COOKED";
    case TicketStatus::kCancelled:
      return "CANCELLED";
    case TicketStatus::kRejected:
      return "REJECTED";
  }
  return "";
}

std::optional<TicketStatus> ParseTicketStatus(absl::string_view name) {
  for (const TicketStatus status :
       {TicketStatus::kCooking, TicketStatus::kCooked, TicketStatus::kCancelled,
        TicketStatus::kRejected}) {
    if (Name(status) == name) return status;
  }
  return std::nullopt;
}

Ticket Ticket::Begin(OrderDetails order, Stock& stock, absl::Time now) {
  const int32_t on_hand = stock.on_hand();
  const bool taken = stock.Take(order.order_id, order.qty, now);
  Ticket ticket({.order = std::move(order), .created = now, .modified = now});
  ticket.is_new_ = true;
  if (taken) {
    ticket.data_.status = TicketStatus::kCooking;
    ticket.fact_ = CookStarted{};
  } else {
    ticket.data_.status = TicketStatus::kRejected;
    ticket.data_.reason = std::string(kQuantityOver);
    ticket.fact_ = CookQtyChecked{.on_hand = on_hand};
  }
  return ticket;
}

Ticket Ticket::Tombstone(OrderDetails order, std::string reason, std::string by,
                         absl::Time now) {
  Ticket ticket({.order = std::move(order),
                 .status = TicketStatus::kCancelled,
                 .created = now,
                 .modified = now,
                 .reason = reason,
                 .cancelled_by = by});
  ticket.is_new_ = true;
  ticket.fact_ =
      CookCancelled{.reason = std::move(reason), .by = std::move(by)};
  return ticket;
}

Ticket Ticket::Restore(TicketData data) { return Ticket(std::move(data)); }

absl::Status Ticket::Cancel(std::string reason, std::string by,
                            absl::Time now) {
  switch (data_.status) {
    case TicketStatus::kCooking:
      MoveTo(TicketStatus::kCancelled, now);
      data_.reason = reason;
      data_.cancelled_by = by;
      fact_ = CookCancelled{.reason = std::move(reason), .by = std::move(by)};
      return absl::OkStatus();
    case TicketStatus::kCooked:
      return Refuse(kAlreadyCooked);
    case TicketStatus::kCancelled:
      return absl::OkStatus();
    case TicketStatus::kRejected:
      return Refuse(kQuantityOver);
  }
  return absl::InternalError("unknown status");
}

absl::Status Ticket::Finish(absl::Time now) {
  switch (data_.status) {
    case TicketStatus::kCooking:
      MoveTo(TicketStatus::kCooked, now);
      fact_ = Cooked{};
      return absl::OkStatus();
    case TicketStatus::kCooked:
      return absl::OkStatus();
    case TicketStatus::kCancelled:
      if (platform::planted::Is("cancelled_can_be_cooked")) {
        MoveTo(TicketStatus::kCooked, now);
        fact_ = Cooked{};
        return absl::OkStatus();
      }
      return Refuse(kTicketCancelled);
    case TicketStatus::kRejected:
      return Refuse(kQuantityOver);
  }
  return absl::InternalError("unknown status");
}

void Ticket::MoveTo(TicketStatus next, absl::Time now) {
  data_.status = next;
  data_.modified = now;
  ++data_.version;
}

absl::Status Ticket::Refuse(absl::string_view reason) const {
  return platform::Error(
      absl::StatusCode::kFailedPrecondition, reason,
      absl::StrCat("The ticket of order ", order_id(), " is ",
                   Name(data_.status), "."),
      {{"order_id", order_id()}, {"status", Name(data_.status)}});
}

}  // namespace cook
