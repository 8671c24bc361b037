#include "newcomer/config.h"

namespace newcomer {

absl::StatusOr<Config> LoadConfig(bool serving) {
  return platform::LoadCommonConfig(serving);
}

}  // namespace newcomer
