// A fixed budget of simulated histories, and whether the simulator can be
// trusted: each planted mistake must be found.
#include "gtest/gtest.h"

#include "tests/simulator/simulate.h"

namespace simulator {
namespace {

constexpr absl::Duration kBudget = absl::Seconds(3);

TEST(SimulatorTest, EveryInvariantHolds) {
  Totals totals;
  const Options options;
  const std::optional<Failure> failure =
      Simulate(options, /*first=*/1, /*count=*/4000, kBudget, totals);

  EXPECT_FALSE(failure.has_value()) << Text(*failure, options);
  EXPECT_GT(totals.orders, 500);
  EXPECT_GT(totals.crashes, 100);
  EXPECT_GT(totals.redeliveries, 100);
}

TEST(SimulatorTest, TheSameChoicesAreTheSameHistory) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Options options{.tell = true};
    Choices first(seed);
    const Outcome outcome = simulator::Run(options, first);
    Choices recorded(first.recorded());

    EXPECT_EQ(simulator::Run(options, recorded).story, outcome.story) << seed;
  }
}

TEST(SimulatorTest, CalmIsCalm) {
  Choices calm(std::vector<uint32_t>{});
  const Outcome outcome = simulator::Run({.orders = 1, .tell = true}, calm);

  EXPECT_EQ(outcome.violation, "");
  EXPECT_EQ(outcome.crashes, 0);
  EXPECT_EQ(outcome.redeliveries, 0);
  EXPECT_EQ(outcome.orders, 1);
}

class PlantedTest : public ::testing::TestWithParam<int> {};

TEST_P(PlantedTest, IsFoundAndToldShortly) {
  const Options options{.bug = static_cast<Bug>(GetParam())};
  Totals totals;
  const std::optional<Failure> failure =
      Simulate(options, /*first=*/1, /*count=*/20'000, kBudget, totals);

  ASSERT_TRUE(failure.has_value());
  EXPECT_LE(failure->outcome.story.size(), 60) << Text(*failure, options);
}

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedTest, ::testing::Range(1, kBugs),
                         [](const ::testing::TestParamInfo<int>& bug) {
                           return std::string(
                               Name(static_cast<Bug>(bug.param)));
                         });

}  // namespace
}  // namespace simulator
