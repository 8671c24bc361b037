// UUIDs as lower-case text.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace platform {

// Returns a new UUIDv7 (RFC 9562 §5.7): sorts by the millisecond of `now`,
// random otherwise. Thread-safe.
std::string NewUuid(absl::Time now);

// Returns `text` in canonical lower case if it is a UUID of any version in the
// 8-4-4-4-12 form.
std::optional<std::string> ParseUuid(absl::string_view text);

}  // namespace platform
