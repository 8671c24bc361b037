// Flags of mypage, checked once.
#pragma once

#include "absl/status/statusor.h"

#include "mypage/adapters/watch_hub.h"
#include "platform/config/common_flags.h"

namespace mypage {

struct Config {
  platform::CommonConfig common;
  // --watch_limit, --watch_heartbeat, --watch_max_age
  WatchOptions watch;
};

// Fails with `INVALID_ARGUMENT`, one line that names the flag.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace mypage
