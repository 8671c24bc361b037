#include "cook/adapters/auto_cook.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/time/clock.h"
#include "tests/integration/cook/kitchen.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace cook {
namespace {

using test_support::Eventually;
using test_support::IsOk;

std::vector<OrderDetails> Orders(int count) {
  std::vector<OrderDetails> orders;
  for (int i = 0; i < count; ++i) orders.push_back(NewOrder(1));
  return orders;
}

TEST(AutoCookTest, FinishesManyAtOnce) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 2000), IsOk());
  Process player(kitchen.db().dsn());
  AutoCook auto_cook(player.pool(), platform::Now, absl::ZeroDuration());

  ASSERT_THAT(kitchen.process().Hear(Orders(1200)), IsOk());

  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return kitchen.Count("COOKED") == 1200; }));
  kitchen.ExpectBooksBalance();
}

TEST(AutoCookTest, FindsWhatAnotherProcessMade) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 10), IsOk());
  Process player(kitchen.db().dsn());
  AutoCook auto_cook(player.pool(), platform::Now, absl::ZeroDuration());

  for (int made = 1; made <= 3; ++made) {
    ASSERT_THAT(kitchen.process().Hear(Orders(1)), IsOk());
    ASSERT_TRUE(Eventually(absl::Seconds(5),
                           [&] { return kitchen.Count("COOKED") == made; }));
  }
}

TEST(AutoCookTest, ContinuesTheOrdersTrace) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 10), IsOk());
  ASSERT_THAT(kitchen.process().Hear(Orders(1)), IsOk());
  Process player(kitchen.db().dsn());

  AutoCook auto_cook(player.pool(), platform::Now, absl::ZeroDuration());

  ASSERT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return kitchen.Count("COOKED") == 1; }));
  EXPECT_EQ(
      kitchen.db().Value("SELECT count(DISTINCT split_part(traceparent, '-', "
                         "2)) FROM outbox"),
      "1");
}

TEST(AutoCookTest, DoesNotFinishEarly) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 10), IsOk());
  Process player(kitchen.db().dsn());
  AutoCook auto_cook(player.pool(), platform::Now, absl::Milliseconds(400));

  ASSERT_THAT(kitchen.process().Hear(Orders(3)), IsOk());

  ASSERT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return kitchen.Count("COOKED") == 3; }));
  EXPECT_EQ(kitchen.db().Value(
                "SELECT count(*) FROM tickets WHERE modified_at - created_at < "
                "interval '400 ms'"),
            "0");
}

TEST(AutoCookTest, ReplicasShareTheWork) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 5000), IsOk());
  ASSERT_THAT(kitchen.process().Hear(Orders(3000)), IsOk());
  Process one(kitchen.db().dsn());
  Process two(kitchen.db().dsn());

  AutoCook first(one.pool(), platform::Now, absl::ZeroDuration());
  AutoCook second(two.pool(), platform::Now, absl::ZeroDuration());

  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return kitchen.Count("COOKED") == 3000; }));
  kitchen.ExpectBooksBalance();
}

// Cancels and the player meet on the same tickets; the ticket decides.
TEST(AutoCookTest, LeavesCancelledTicketsAlone) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 1000), IsOk());
  Process player(kitchen.db().dsn());
  AutoCook auto_cook(player.pool(), platform::Now, absl::Milliseconds(5));
  int cancelled = 0;
  for (int round = 0; round < 50; ++round) {
    const std::vector<OrderDetails> orders = Orders(4);
    ASSERT_THAT(kitchen.process().Hear(orders), IsOk());
    for (const OrderDetails& order : orders) {
      if (kitchen.process().Cancel(order).ok()) ++cancelled;
    }
  }

  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return kitchen.Count("COOKING") == 0; }));
  EXPECT_EQ(kitchen.Count("CANCELLED"), cancelled);
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 1000 - kitchen.Count("COOKED"));
  kitchen.ExpectBooksBalance();
}

}  // namespace
}  // namespace cook
