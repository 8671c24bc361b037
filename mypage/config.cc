#include "mypage/config.h"

#include <utility>

#include "absl/flags/flag.h"
#include "absl/time/time.h"

ABSL_FLAG(int, watch_limit, 2000, "Calls that may watch at once, 1 to 100000.");
ABSL_FLAG(absl::Duration, watch_heartbeat, absl::Seconds(15),
          "Watchers hear a heartbeat after so long without a change, 100ms to "
          "30s.");
ABSL_FLAG(absl::Duration, watch_max_age, absl::Hours(1),
          "A watch ends, to be resumed, after so long, give or take a tenth, "
          "1s to 24h.");

namespace mypage {

absl::StatusOr<Config> LoadConfig(bool serving) {
  absl::StatusOr<platform::CommonConfig> common =
      platform::LoadCommonConfig(serving);
  if (!common.ok()) return common.status();
  Config config{.common = *std::move(common),
                .watch = {.limit = absl::GetFlag(FLAGS_watch_limit),
                          .heartbeat = absl::GetFlag(FLAGS_watch_heartbeat),
                          .max_age = absl::GetFlag(FLAGS_watch_max_age)}};
  const WatchOptions& watch = config.watch;
  if (watch.limit < 1 || watch.limit > 100'000) {
    return platform::BadFlag("watch_limit", "must be 1 to 100000");
  }
  if (watch.heartbeat < absl::Milliseconds(100) ||
      watch.heartbeat > absl::Seconds(30)) {
    return platform::BadFlag("watch_heartbeat", "must be 100ms to 30s");
  }
  if (watch.max_age < absl::Seconds(1) || watch.max_age > absl::Hours(24)) {
    return platform::BadFlag("watch_max_age", "must be 1s to 24h");
  }
  return config;
}

}  // namespace mypage
