// What a stream says about itself.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/events/jetstream.h"

namespace platform::events {

struct StreamInfo {
  absl::Time created;  // cut to microseconds
  uint64_t messages = 0;
  uint64_t first_sequence = 0;  // of the oldest message kept
  uint64_t last_sequence = 0;   // never goes back while the stream lives
};

// Fails with `NOT_FOUND` if there is no such stream, `UNAVAILABLE` while the
// broker is away.
absl::StatusOr<StreamInfo> GetStreamInfo(JetStream& jetstream,
                                         const std::string& stream);

}  // namespace platform::events
