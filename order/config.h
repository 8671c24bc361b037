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

// Call before flags are parsed. 16 threads and as many connections for
// requests, not 8: a cancel is several statements, each of which waits its turn
// while new orders keep the database busy. With 8, cancels waited for threads,
// and at three times the peak up to a third of them was refused.
void SetFlagDefaults();

// Fails with `INVALID_ARGUMENT`, one line that names the flag.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace order
