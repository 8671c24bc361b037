// Events that could not be applied: counted, then parked in Postgres.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "platform/pg/pool.h"

namespace platform::events {

// An event as it arrived, readable or not, and why it is given up.
struct DeadLetter {
  std::string durable;
  std::string stream;
  uint64_t stream_sequence = 0;
  std::string event_id;  // whatever its header said; may be no UUID, or ""
  std::string subject;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload;
  std::string reason;
};

// Stores `letter`; once, however often it is parked.
absl::Status Park(pg::Pool& pool, const DeadLetter& letter);

// Notes that the event is about to be handled again and returns how often that
// was noted, this time included. In a transaction of its own, so that it counts
// even if handling it ends the process.
absl::StatusOr<int> CountAttempt(pg::Pool& pool, absl::string_view durable,
                                 absl::string_view event_id);

// Takes back one attempt of each event: it was not the event's fault.
absl::Status TakeBackAttempts(pg::Pool& pool, absl::string_view durable,
                              absl::Span<const std::string> event_ids);

}  // namespace platform::events
