// What the unit tests of orders are about.
#pragma once

#include "absl/time/time.h"

namespace order {

inline const absl::Time kNow = absl::FromUnixMicros(1'700'000'000'123'456);

}  // namespace order
