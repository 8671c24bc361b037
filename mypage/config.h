// Flags of mypage, checked once. It has none of its own.
#pragma once

#include "absl/status/statusor.h"

#include "platform/config/common_flags.h"

namespace mypage {

using Config = platform::CommonConfig;

// Fails with `INVALID_ARGUMENT`, one line that names the flag.
absl::StatusOr<Config> LoadConfig(bool serving);

}  // namespace mypage
