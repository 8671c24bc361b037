#include "platform/failpoint/failpoint.h"

#include <csignal>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/metrics/metrics.h"
#include "tests/support/status_matchers.h"

namespace platform::failpoint {
namespace {

using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Point step("test.step");
Point input("test.input", Point::Kind::kInput);

class FailpointTest : public ::testing::Test {
 protected:
  ~FailpointTest() override { DisarmAll(); }

  // Which of `hits` hits of the step failed.
  static std::vector<int> Failures(int hits) {
    std::vector<int> failed;
    for (int i = 1; i <= hits; ++i) {
      if (!step.Hit().ok()) failed.push_back(i);
    }
    return failed;
  }
};

TEST_F(FailpointTest, DoesNothingUnlessArmed) {
  EXPECT_THAT(step.Hit(), IsOk());
  EXPECT_EQ(input.Take().kind, Action::Kind::kNone);
  EXPECT_THAT(List(), HasSubstr("test.step\toff\t0\t0\n"));
}

TEST_F(FailpointTest, AnErrorHasTheCodeThatWasAskedFor) {
  ASSERT_THAT(Arm("test.step=error(UNAVAILABLE)"), IsOk());

  EXPECT_EQ(step.Hit().code(), absl::StatusCode::kUnavailable);
}

TEST_F(FailpointTest, TheNthHitFailsAndNoOther) {
  ASSERT_THAT(Arm("test.step=error(ABORTED)@nth:3"), IsOk());

  EXPECT_THAT(Failures(6), ElementsAre(3));
}

TEST_F(FailpointTest, FailsNoMoreOftenThanItMay) {
  ASSERT_THAT(Arm("test.step=error(ABORTED)@times:2"), IsOk());

  EXPECT_THAT(Failures(6), ElementsAre(1, 2));
}

TEST_F(FailpointTest, ASeedSaysWhichHitsFail) {
  ASSERT_THAT(Arm("test.step=error(ABORTED)@p:0.3@seed:7"), IsOk());
  const std::vector<int> first = Failures(1000);
  ASSERT_THAT(Arm("test.step=error(ABORTED)@p:0.3@seed:7"), IsOk());
  const std::vector<int> again = Failures(1000);
  ASSERT_THAT(Arm("test.step=error(ABORTED)@p:0.3@seed:8"), IsOk());
  const std::vector<int> other = Failures(1000);

  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
  EXPECT_NEAR(static_cast<double>(first.size()), 300, 60);
}

TEST_F(FailpointTest, AnInputLosesRepeatsAndHolds) {
  ASSERT_THAT(Arm("test.input=hold(10s)@nth:2"), IsOk());

  EXPECT_EQ(input.Take().kind, Action::Kind::kNone);
  const Action held = input.Take();
  EXPECT_EQ(held.kind, Action::Kind::kHold);
  EXPECT_LE(held.duration, absl::Seconds(10));
  ASSERT_THAT(Arm("test.input=duplicate"), IsOk());
  EXPECT_EQ(input.Take().kind, Action::Kind::kDuplicate);
  ASSERT_THAT(Arm("test.input=error(ABORTED)"), IsOk());
  EXPECT_EQ(input.Take().kind, Action::Kind::kDrop);
}

TEST_F(FailpointTest, ACrashIsAKill) {
  EXPECT_EXIT(
      {
        Arm("test.step=crash").IgnoreError();
        step.Hit().IgnoreError();
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FailpointTest, CountsHitsAndWhatItDid) {
  ASSERT_THAT(Arm("test.step=error(ABORTED)@nth:3"), IsOk());
  Failures(5);

  EXPECT_THAT(List(), HasSubstr("test.step\terror(ABORTED)@nth:3\t5\t1\n"));
  EXPECT_THAT(metrics::Text(),
              HasSubstr("failpoint_fired_total{point=\"test.step\"}"));
}

TEST_F(FailpointTest, WhatCannotBeReadArmsNothing) {
  for (const char* bad :
       {"test.step", "test.step=", "test.step=burn", "test.step=error(NO)",
        "test.step=delay(soon)", "test.step=crash@nth:0", "test.step=crash@p:2",
        "test.step=crash@now", "no.such=crash", "test.step=hold(1s)",
        "test.step=drop", "test.input=hold(25s)",
        "test.step=error(ABORTED);no.such=crash"}) {
    const absl::Status status = Arm(bad);

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(step.Hit(), IsOk()) << bad;
  }
}

TEST_F(FailpointTest, IsControlledByThePageIfAllowed) {
  EXPECT_TRUE(ControlRoutes(false).empty());
  const auto handler = ControlRoutes(true).at(0).handler;

  EXPECT_THAT(*handler("POST", "test.step=delay(1ms)"),
              HasSubstr("test.step\tdelay(1ms)"));
  EXPECT_THAT(handler("POST", "no.such=crash"), Not(IsOk()));
  EXPECT_THAT(*handler("DELETE", ""), HasSubstr("test.step\toff"));
}

}  // namespace
}  // namespace platform::failpoint
