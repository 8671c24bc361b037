// An event's headers and body, as proto/README.md describes them, read.
#pragma once

#include "absl/status/statusor.h"

#include "platform/events/jetstream.h"
#include "platform/events/message.h"

namespace platform::events {

// Fails with `INVALID_ARGUMENT` that names the header if it is no event of
// ours.
absl::StatusOr<Message> ParseMessage(const InMessage& in);

}  // namespace platform::events
