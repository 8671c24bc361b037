// Several processes of one service share its database and its durable.

#include <future>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/e2e/system.h"
#include "tests/support/eventually.h"

namespace e2e {
namespace {

using ::test_support::Eventually;

// How many of the kitchens have applied an order.
int KitchensAtWork(const System& system) {
  const Ran ran = RunCommand(absl::StrCat(
      "grep -lE '\"message\":\"event\",\"type\":\"restaurant.order.v1.Ordered\""
      ".*\"code\":\"OK\"' ",
      system.run_dir(), "/log/cook.log ", system.run_dir(),
      "/log/cook-*.log | wc -l"));
  int number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(ran.output, &number)) << ran.output;
  return number;
}

TEST(ReplicasTest, FiveKitchensSellTwentyPortionsExactlyOnce) {
  System system(std::map<std::string, std::string>{{"COOK_REPLICAS", "5"}});
  system.SetStock(3, 1, 20);
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(std::async(std::launch::async,
                               [&] { return system.Place(30, 3, 1, 1); }));
  }
  for (auto& call : calls) call.get();

  const std::string decided =
      "SELECT count(*) FROM tickets WHERE restaurant_id = 3";
  ASSERT_TRUE(Eventually(absl::Seconds(15),
                         [&] { return system.Sql("cook", decided) == "50"; }));
  EXPECT_EQ(system.Sql("cook",
                       "SELECT status, count(*) FROM tickets WHERE "
                       "restaurant_id = 3 GROUP BY 1 ORDER BY 2"),
            "COOKING|20\nREJECTED|30");
  EXPECT_EQ(system.Stock(3, 1), 0);
  EXPECT_EQ(system.Sql("cook",
                       "SELECT sum(delta) FROM stock_ledger WHERE "
                       "restaurant_id = 3 AND kind = 'take'"),
            "-20");

  system.SetStock(3, 2, 10);
  const std::string three = system.Place(30, 3, 2, 3);
  EXPECT_EQ(system.WaitFor(three, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  EXPECT_EQ(system.Stock(3, 2), 7);

  // One kitchen may have had all of these in one hand; but not for ever.
  EXPECT_TRUE(Eventually(absl::Seconds(60), [&] {
    if (KitchensAtWork(system) >= 2) return true;
    system.Place(30, 5, 1, 1);
    return false;
  }));
}

}  // namespace
}  // namespace e2e
