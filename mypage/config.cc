#include "mypage/config.h"

namespace mypage {

absl::StatusOr<Config> LoadConfig() { return platform::LoadCommonConfig(); }

}  // namespace mypage
