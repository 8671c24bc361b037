#include "order/config.h"

#include <utility>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"

ABSL_DECLARE_FLAG(int, threads);         // platform/config
ABSL_DECLARE_FLAG(int, pg_connections);  // platform/config

ABSL_FLAG(std::string, cook_target, "127.0.0.1:8082",
          "host:port, or another gRPC name, of the cook service");

namespace order {

void SetFlagDefaults() {
  absl::SetFlag(&FLAGS_threads, 16);
  absl::SetFlag(&FLAGS_pg_connections, 16);
}

absl::StatusOr<Config> LoadConfig(bool serving) {
  absl::StatusOr<platform::CommonConfig> common =
      platform::LoadCommonConfig(serving);
  if (!common.ok()) return common.status();
  Config config{*std::move(common), absl::GetFlag(FLAGS_cook_target)};
  if (config.cook_target.find(':') == std::string::npos) {
    return platform::BadFlag("cook_target", "must be host:port");
  }
  return config;
}

}  // namespace order
