// The delivery service's flags, checked.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/config/common_flags.h"

namespace delivery {

struct Config {
  platform::CommonConfig common;
  // --auto_deliver_after: how long after a delivery started it is completed by
  // itself, 0 to 24 h; nobody plays the courier if it is not set.
  std::optional<absl::Duration> auto_deliver_after;
};

// Reads and checks the flags; `serving` as for LoadCommonConfig(). Fails with
// `INVALID_ARGUMENT`, one line.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace delivery
