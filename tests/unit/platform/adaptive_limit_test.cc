#include "platform/thread/adaptive_limit.h"

#include <algorithm>
#include <deque>

#include "gtest/gtest.h"

namespace platform {
namespace {

// A queue in front of one worker, in simulated time: `arrivals` come a second,
// evenly, and `rate` are done.
class Queue {
 public:
  explicit Queue(AdaptiveLimit::Options options) : limit_(options) {}

  void Run(double arrivals, double rate, absl::Duration time) {
    const absl::Time end = now_ + time;
    absl::Time next_arrival = now_;
    absl::Time next_done = now_;
    done_ = refused_ = 0;
    longest_ = absl::ZeroDuration();
    while (now_ < end) {
      now_ = std::min(next_arrival, next_done);
      if (now_ == next_arrival) {
        if (limit_.Admits(waiting_.size())) {
          waiting_.push_back(now_);
        } else {
          ++refused_;
        }
        next_arrival = now_ + absl::Seconds(1 / arrivals);
      } else {
        if (!waiting_.empty()) {
          longest_ = std::max(longest_, now_ - waiting_.front());
          limit_.Begun(now_ - waiting_.front(), now_);
          waiting_.pop_front();
          ++done_;
        }
        next_done = now_ + absl::Seconds(1 / rate);
      }
    }
  }

  AdaptiveLimit limit_;
  int done_ = 0;
  int refused_ = 0;
  absl::Duration longest_;

 private:
  absl::Time now_ = absl::UnixEpoch();
  std::deque<absl::Time> waiting_;
};

constexpr AdaptiveLimit::Options kOptions = {.least = 8, .most = 1000};

TEST(AdaptiveLimitTest, LeavesALoadAloneThatCanBeDone) {
  Queue queue(kOptions);
  queue.Run(900, 1000, absl::Seconds(10));

  EXPECT_EQ(queue.refused_, 0);
  EXPECT_EQ(queue.limit_.limit(), 1000);
}

TEST(AdaptiveLimitTest, UnderOverloadAllIsDoneThatCanBeAndNobodyWaitsLong) {
  Queue queue(kOptions);
  queue.Run(3000, 1000, absl::Seconds(3));
  queue.Run(3000, 1000, absl::Seconds(10));

  EXPECT_GE(queue.done_, 9900);
  EXPECT_LE(queue.longest_, absl::Milliseconds(250));
}

TEST(AdaptiveLimitTest, FollowsTheMachineDownAndUp) {
  Queue queue(kOptions);
  queue.Run(3000, 1000, absl::Seconds(5));
  const size_t fast = queue.limit_.limit();
  queue.Run(3000, 100, absl::Seconds(10));
  const size_t slow = queue.limit_.limit();
  queue.Run(3000, 1000, absl::Seconds(10));

  EXPECT_LT(slow, fast / 2);
  EXPECT_GE(queue.limit_.limit(), fast / 2);
}

// Or a burst long after would be refused for it.
TEST(AdaptiveLimitTest, ForgetsASlowSpellAlsoWhenLittleIsAskedOfIt) {
  Queue queue(kOptions);
  queue.Run(3000, 100, absl::Seconds(10));
  EXPECT_LT(queue.limit_.limit(), 100);
  queue.Run(50, 1000, absl::Seconds(5));

  EXPECT_EQ(queue.limit_.limit(), 1000);
}

TEST(AdaptiveLimitTest, ForgetsASlowSpellAfterSilence) {
  Queue queue(kOptions);
  queue.Run(3000, 100, absl::Seconds(10));
  queue.Run(0.2, 1000, absl::Seconds(10));

  EXPECT_EQ(queue.limit_.limit(), 1000);
}

TEST(AdaptiveLimitTest, ABurstIsNotAStandingQueue) {
  Queue queue(kOptions);
  queue.Run(7500, 1000, absl::Milliseconds(20));
  queue.Run(10, 1000, absl::Seconds(1));

  EXPECT_EQ(queue.limit_.limit(), 1000);
}

TEST(AdaptiveLimitTest, KeepsTheWorkersBusyWhateverTheWait) {
  Queue queue(kOptions);
  queue.Run(100, 2, absl::Seconds(60));

  EXPECT_EQ(queue.limit_.limit(), 8);
}

}  // namespace
}  // namespace platform
