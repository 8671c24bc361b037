#include "platform/time/clock.h"

#include "absl/time/clock.h"

namespace platform {

absl::Time Now() {
  return absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()));
}

}  // namespace platform
