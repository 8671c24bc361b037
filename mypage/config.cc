#include "mypage/config.h"

namespace mypage {

absl::StatusOr<Config> LoadConfig(bool serving) {
  return platform::LoadCommonConfig(serving);
}

}  // namespace mypage
