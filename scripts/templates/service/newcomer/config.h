// Flags of newcomer, checked once. It has none of its own.
#pragma once

#include "absl/status/statusor.h"

#include "platform/config/common_flags.h"

namespace newcomer {

using Config = platform::CommonConfig;

// Fails with `INVALID_ARGUMENT`, one line that names the flag. A subcommand
// that does not serve needs fewer of them.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace newcomer
