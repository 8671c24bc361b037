// A data race of our own, on purpose: proves that the suppressions of the tsan
// preset do not hide one. Built in that preset only; ctest expects it reported.

#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "platform/thread/executor.h"

namespace platform {
namespace {

TEST(PlantedRaceTest, TwoTasksCountWithoutALock) {
  int unguarded = 0;
  {
    Executor executor({.name = "race", .threads = 4});
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(executor
                      .Submit(Priority::kNormal, absl::InfiniteFuture(),
                              [&](const absl::Status&) {
                                ++unguarded;
                                absl::SleepFor(absl::Microseconds(200));
                              })
                      .ok());
    }
  }
  SUCCEED() << unguarded;
}

}  // namespace
}  // namespace platform
