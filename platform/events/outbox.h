// The outbox: events are rows, written in the transaction that makes them true.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "platform/pg/pool.h"

namespace platform::events {

// A fact that is to be published.
struct OutboxEvent {
  std::string event_id;      // UUIDv7
  std::string aggregate_id;  // what it is about
  int64_t version = 0;       // the aggregate's version after the change
  std::string subject;       // e.g. restaurant.order.ordered
  std::string type;          // full name of the payload's message
  std::string payload;       // serialised protobuf
  absl::Time time;           // when it happened
  std::string traceparent;   // may be empty
};

// Prepares the statements below. Call from PoolOptions::prepare.
void PrepareOutbox(pqxx::connection& connection);

// Writes `events` in one statement. An aggregate cannot have two events of one
// version: a second one is a unique violation. The relay finds them within a
// second; at once if it is told of the commit (RelayOptions::committed).
void Append(pqxx::transaction_base& tx, absl::Span<const OutboxEvent> events);

}  // namespace platform::events
