#include "cook/config.h"

#include <utility>

#include "absl/flags/flag.h"

ABSL_FLAG(absl::Duration, auto_cook_after, absl::InfiniteDuration(),
          "Plays the kitchen: finishes every ticket this long after it was "
          "made, 0 to 24h. Off (inf) unless set.");

namespace cook {

absl::StatusOr<Config> LoadConfig(bool serving) {
  absl::StatusOr<platform::CommonConfig> common =
      platform::LoadCommonConfig(serving);
  if (!common.ok()) return common.status();
  Config config;
  config.common = *std::move(common);
  const absl::Duration after = absl::GetFlag(FLAGS_auto_cook_after);
  if (after != absl::InfiniteDuration()) {
    if (after < absl::ZeroDuration() || after > absl::Hours(24)) {
      return platform::BadFlag("auto_cook_after", "must be 0 to 24h");
    }
    config.auto_cook_after = after;
  }
  return config;
}

}  // namespace cook
