// The SQL of PlaceOrder: a batch of new orders and their events as one
// statement, one round trip, one fsync.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "order/domain/order.h"
#include "platform/events/outbox.h"
#include "platform/pg/pool.h"

namespace order {

// A new order on its way into the table.
struct PlacedOrder {
  OrderState order;
  std::string request_id;  // empty: no key
  platform::events::OutboxEvent ordered;
};

// Prepares the statements below.
void PreparePlacedOrders(pqxx::connection& connection);

// Plans are made once and kept, also those made while the table was empty, when
// reading all of it looks cheap. All statements here are for a handful of rows.
void UseIndexes(pqxx::connection& connection);

// Inserts those whose order id, and whose request id if any, are new, each with
// its event, and wakes the relay. Of several with one key the first is
// inserted. Returns how many were. Atomic also outside of a transaction.
// `placed` must be sorted by (customer, request id), or batches deadlock.
size_t InsertPlaced(pqxx::transaction_base& tx,
                    absl::Span<const PlacedOrder* const> placed);

// For each of `placed` the order, as it was placed, that has its order id or
// else its key; nothing if there is none.
std::vector<std::optional<OrderState>> FindPlaced(
    pqxx::transaction_base& tx, absl::Span<const PlacedOrder* const> placed);

}  // namespace order
