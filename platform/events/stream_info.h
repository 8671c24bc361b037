// What a stream says about itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/events/jetstream.h"

namespace platform::events {

struct StreamInfo {
  absl::Time created;  // cut to microseconds
  uint64_t messages = 0;
  uint64_t first_sequence = 0;  // of the oldest message kept
  uint64_t last_sequence = 0;   // never goes back while the stream lives
  uint64_t deleted = 0;         // sequences between those that are not there
  // What is younger was not dropped by the stream's limits: something less than
  // its max_age ago. InfiniteFuture if it has other limits, InfinitePast if it
  // has none.
  absl::Time keeps_since;
};

// Fails with `NOT_FOUND` if there is no such stream, `UNAVAILABLE` while the
// broker is away.
absl::StatusOr<StreamInfo> GetStreamInfo(JetStream& jetstream,
                                         const std::string& stream);

// The sequences that are counted as `deleted`, at most `limit` of them.
absl::StatusOr<std::vector<uint64_t>> DeletedSequences(
    JetStream& jetstream, const std::string& stream, size_t limit);

}  // namespace platform::events
