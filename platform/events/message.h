// An event as it arrives.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "platform/pg/pool.h"

namespace platform::events {

// One event off the wire. The wire format is in proto/README.md.
struct Message {
  std::string event_id;      // ce-id, a UUID: the inbox key
  std::string type;          // ce-type, the full name of the payload's message
  std::string source;        // ce-source, the service that published it
  std::string aggregate_id;  // ce-subject, what the event is about
  int64_t version = 0;       // aggregate-version of the publisher's aggregate
  absl::Time time;           // ce-time, when it happened
  std::string traceparent;   // the trace it belongs to; may be empty
  std::string payload;       // the protobuf body
  std::string subject;       // where it was published
};

// Applies fresh messages in the given transaction. The platform has noted them
// in the inbox of the same transaction and commits when this returns OK; the
// handler never acks, commits or publishes (it writes to the outbox).
//
// Messages come in the order they were delivered, which can be any. All of a
// batch succeed or fail together: after a failure each is tried again alone, so
// a handler that gets one message reports about that one. What a status means:
//
//   OK                                        done, acked once it is on disk
//   INVALID_ARGUMENT, FAILED_PRECONDITION     can never be applied: parked
//   UNAVAILABLE, ABORTED, RESOURCE_EXHAUSTED  not the event's fault (database
//                                             away, deadlock): paused, repeated
//   anything else (NOT_FOUND, …)              repeated with growing delay,
//                                             parked after max_attempts
using Handler = std::function<absl::Status(pqxx::work& tx,
                                           absl::Span<const Message> messages)>;

}  // namespace platform::events
