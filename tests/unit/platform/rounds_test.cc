#include "platform/thread/rounds.h"

#include <atomic>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace platform {
namespace {

TEST(RoundsTest, BeginsAtOnceAndComesAgain) {
  std::atomic<int> done = 0;

  const Rounds rounds([&done] {
    ++done;
    return done < 100 ? absl::ZeroDuration() : absl::Hours(1);
  });

  while (done < 100) absl::SleepFor(absl::Milliseconds(1));
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(done, 100);
}

TEST(RoundsTest, EndsWhileItWaits) {
  std::atomic<int> done = 0;
  const absl::Time start = absl::Now();

  {
    const Rounds rounds([&done] {
      ++done;
      return absl::Hours(1);
    });
    while (done == 0) absl::SleepFor(absl::Milliseconds(1));
  }

  EXPECT_EQ(done, 1);
  EXPECT_LT(absl::Now() - start, absl::Minutes(1));
}

TEST(RoundsTest, EndsAfterTheRoundInHand) {
  std::atomic<bool> begun = false;
  std::atomic<bool> ended = false;

  {
    const Rounds rounds([&] {
      begun = true;
      absl::SleepFor(absl::Milliseconds(50));
      ended = true;
      return absl::Hours(1);
    });
    while (!begun) absl::SleepFor(absl::Milliseconds(1));
  }

  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace platform
