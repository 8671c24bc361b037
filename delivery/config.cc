#include "delivery/config.h"

#include <utility>

#include "absl/flags/flag.h"

ABSL_FLAG(absl::Duration, auto_deliver_after, absl::InfiniteDuration(),
          "Plays the courier: completes every delivery this long after it "
          "started, 0 to 24h. Off (inf) unless set.");

namespace delivery {

absl::StatusOr<Config> LoadConfig(bool serving) {
  absl::StatusOr<platform::CommonConfig> common =
      platform::LoadCommonConfig(serving);
  if (!common.ok()) return common.status();
  Config config{.common = *std::move(common), .auto_deliver_after = {}};
  const absl::Duration after = absl::GetFlag(FLAGS_auto_deliver_after);
  if (after != absl::InfiniteDuration()) {
    if (after < absl::ZeroDuration() || after > absl::Hours(24)) {
      return platform::BadFlag("auto_deliver_after", "must be 0 to 24h");
    }
    config.auto_deliver_after = after;
  }
  return config;
}

}  // namespace delivery
