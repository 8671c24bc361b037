#include "tests/load/agenda.h"

#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace load {
namespace {

using ::testing::ElementsAre;

TEST(AgendaTest, DoesWhatIsDueInOrderOfTimeAndLeavesTheRest) {
  Agenda agenda;
  std::vector<int> done;
  const absl::Time now = absl::Now();
  agenda.At(now + absl::Milliseconds(2), [&] { done.push_back(2); });
  agenda.At(now, [&] {
    done.push_back(1);
    agenda.At(now + absl::Milliseconds(2), [&] { done.push_back(3); });
  });
  agenda.At(now + absl::Hours(1), [&] { done.push_back(4); });

  // What is due at one time is done as it was asked for.
  agenda.RunUntil(now + absl::Seconds(2));

  EXPECT_THAT(done, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace load
