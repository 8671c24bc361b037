// Time is handed in, never taken: code that needs the time gets a `Clock`.
#pragma once

#include <functional>

#include "absl/time/time.h"

namespace platform {

using Clock = std::function<absl::Time()>;

// The wall clock, cut to whole microseconds: what Postgres and the wire keep,
// so that a value read back equals the value written.
absl::Time Now();

}  // namespace platform
