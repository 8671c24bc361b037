// Flags of the order service, checked once.
#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "platform/config/common_flags.h"

namespace order {

struct Config {
  platform::CommonConfig common;
  std::string cook_target;  // --cook_target host:port of the cook service
};

// Fails with `INVALID_ARGUMENT`, one line that names the flag.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace order
