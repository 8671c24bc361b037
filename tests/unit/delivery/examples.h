// What the unit tests of deliveries are about.
#pragma once

#include "absl/time/time.h"

namespace delivery {

inline const absl::Time kNoon = absl::FromUnixMicros(1'700'000'000'123'456);
inline const absl::Time kLater = kNoon + absl::Minutes(20);

}  // namespace delivery
