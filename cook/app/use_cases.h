// What the kitchen can be asked and told: one function each. Pure; run them in
// one transaction.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "cook/app/ticket_store.h"
#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"

namespace cook {

// Begins to cook `orders`, first come first served: each takes its stock or is
// rejected. An order that has a ticket already (heard before, or cancelled
// before it was heard of) is left alone.
absl::Status BeginCooking(TicketStore& store,
                          absl::Span<const OrderDetails> orders,
                          absl::Time now);

struct CancelCommand {
  // Only `order_id` is looked at unless a tombstone is made.
  OrderDetails order;
  std::string reason;
  std::string by;
  // Whether an order that nobody heard of gets a tombstone.
  bool may_make_tombstone = false;
};

// Cancels a ticket and returns its stock. Idempotent. Fails with
// `FAILED_PRECONDITION` (ALREADY_COOKED, QUANTITY_OVER), or with `NOT_FOUND`
// (TICKET_NOT_FOUND) if there is none and none may be made.
absl::StatusOr<Ticket> CancelTicket(TicketStore& store,
                                    const CancelCommand& command,
                                    absl::Time now);

// Says that a dish is done. Idempotent. Fails with `NOT_FOUND`
// (TICKET_NOT_FOUND) or `FAILED_PRECONDITION` (TICKET_CANCELLED,
// QUANTITY_OVER).
absl::StatusOr<Ticket> FinishCooking(TicketStore& store,
                                     absl::string_view order_id,
                                     absl::Time now);

// Finishes up to `limit` tickets that were made no later than `made_by`.
// Returns how many.
absl::StatusOr<int> FinishDue(TicketStore& store, absl::Time made_by, int limit,
                              absl::Time now);

// Says that `on_hand` portions of `item` were counted. Idempotent.
absl::StatusOr<Stock> SetStock(TicketStore& store, const Item& item,
                               int32_t on_hand, absl::Time now);

// `NOT_FOUND` (TICKET_NOT_FOUND).
absl::Status NoTicket(absl::string_view order_id);

}  // namespace cook
