// The cook service's flags, checked.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/config/common_flags.h"

namespace cook {

struct Config {
  platform::CommonConfig common;
  // --auto_cook_after: how long after a ticket was made it is finished by
  // itself, 0 to 24 h; nobody plays the kitchen if it is not set.
  std::optional<absl::Duration> auto_cook_after;
};

// Reads and checks the flags. Fails with `INVALID_ARGUMENT`, one line.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace cook
