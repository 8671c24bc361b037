// Waiting in tests: for a condition, never for a time.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace test_support {

// Returns true as soon as `condition` does; false if it does not within
// `timeout`. The condition is asked at least once, and every few milliseconds.
//
//   EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return relay.idle(); }));
inline bool Eventually(absl::Duration timeout,
                       absl::FunctionRef<bool()> condition) {
  const absl::Time end = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() >= end) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

}  // namespace test_support
