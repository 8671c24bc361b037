// A stream from its beginning, beside everybody who consumes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "platform/events/jetstream.h"

namespace mypage {

// A consumer of one's own, which the broker forgets when this is gone. What was
// not acknowledged is delivered again. Not thread-safe.
class StreamReplay {
 public:
  // The consumer is called `consumer`, so that the broker's permissions can
  // name it; what an earlier one of that name has left goes first. `jetstream`
  // must outlive this.
  static absl::StatusOr<std::unique_ptr<StreamReplay>> Begin(
      platform::events::JetStream& jetstream, const std::string& stream,
      const std::string& consumer);
  ~StreamReplay();
  StreamReplay(const StreamReplay&) = delete;
  StreamReplay& operator=(const StreamReplay&) = delete;

  const std::string& stream() const { return stream_; }

  // Returns up to `max` messages, or none if there are none at the moment.
  absl::StatusOr<std::vector<platform::events::InMessage>> Next(int max);
  absl::Status Acknowledge(
      absl::Span<const platform::events::InMessage> messages);

  // True if every message up to `sequence` that the stream still holds was
  // acknowledged.
  absl::StatusOr<bool> Reached(uint64_t sequence);

 private:
  StreamReplay(platform::events::JetStream& jetstream, std::string stream,
               std::string consumer);

  platform::events::JetStream& jetstream_;
  const std::string stream_;
  const std::string consumer_;
  std::unique_ptr<platform::events::JetStream::Pull> pull_;
};

}  // namespace mypage
