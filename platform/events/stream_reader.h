// Reads a whole stream, beside everybody who consumes it.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "platform/events/jetstream.h"
#include "platform/events/stream_info.h"

namespace platform::events {

// Calls `visit` with every message that `stream` holds, up to the last sequence
// of `info`, in order; without payloads. Ends early with what `visit` returns
// unless that is OK. Uses a consumer of its own, called `consumer`, gone
// afterwards: the broker's permissions can name it. Whoever reads under the
// same name takes it over. Fails with `DEADLINE_EXCEEDED` if the broker stops
// answering, `NOT_FOUND` or `ABORTED` if a message got lost on the way: then
// try again.
absl::Status ReadStream(
    JetStream& jetstream, const std::string& stream,
    const std::string& consumer, const StreamInfo& info,
    absl::FunctionRef<absl::Status(const InMessage&)> visit);

}  // namespace platform::events
