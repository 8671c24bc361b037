#include "cook/adapters/order_events.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/inbox.h"
#include "platform/time/clock.h"
#include "tests/integration/cook/kitchen.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace cook {
namespace {

using platform::events::Message;
using test_support::Eventually;
using test_support::Fails;
using test_support::IsOk;

TEST(OrderEventsTest, AnOrderOfThreeTakesThree) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);

  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());

  EXPECT_EQ(kitchen.StatusOf(order), "COOKING");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 17);
  EXPECT_EQ(kitchen.LedgerSum("take"), -3);
  EXPECT_EQ(kitchen.db().Value("SELECT subject FROM outbox"),
            "restaurant.cook.started");
  kitchen.ExpectBooksBalance();
}

TEST(OrderEventsTest, ItsEventContinuesTheTrace) {
  Kitchen kitchen;

  ASSERT_THAT(kitchen.process().Hear({NewOrder(1)}), IsOk());

  EXPECT_EQ(kitchen.db().Value("SELECT split_part(traceparent, '-', 2) "
                               "FROM outbox"),
            "0af7651916cd43dd8448eb211c80319c");
}

TEST(OrderEventsTest, ShortStockRejects) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 2), IsOk());
  const OrderDetails order = NewOrder(3);

  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());

  EXPECT_EQ(kitchen.StatusOf(order), "REJECTED");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 2);
  EXPECT_EQ(kitchen.db().Value("SELECT subject FROM outbox"),
            "restaurant.cook.qty_checked");
  EXPECT_EQ(kitchen.db().Value("SELECT reason FROM tickets"), "QUANTITY_OVER");
  kitchen.ExpectBooksBalance();
}

TEST(OrderEventsTest, OrdersOfABatchAreServedInItsOrder) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 5), IsOk());
  ASSERT_THAT(kitchen.process().SetOnHand(kMandu, 1), IsOk());
  const OrderDetails small = NewOrder(2);
  const OrderDetails mandu = NewOrder(1, kMandu);
  const OrderDetails large = NewOrder(4);
  const OrderDetails exact = NewOrder(3);

  ASSERT_THAT(kitchen.process().Hear({exact, large, mandu, small}), IsOk());

  EXPECT_EQ(kitchen.StatusOf(exact), "COOKING");
  EXPECT_EQ(kitchen.StatusOf(large), "REJECTED");
  EXPECT_EQ(kitchen.StatusOf(mandu), "COOKING");
  EXPECT_EQ(kitchen.StatusOf(small), "COOKING");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 0);
  kitchen.ExpectBooksBalance();
}

TEST(OrderEventsTest, ARedeliveredEventIsAppliedOnce) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const Message message = Ordered(NewOrder(3));

  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(kitchen.process().Apply({message}), IsOk());
  }

  EXPECT_EQ(kitchen.OnHand(kBibimbap), 17);
  kitchen.ExpectBooksBalance();
}

// Another event id: the inbox does not know it, the ticket does.
TEST(OrderEventsTest, AnOrderToldTwiceTakesOnce) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);

  ASSERT_THAT(kitchen.process().Hear({order, order}), IsOk());
  ASSERT_THAT(kitchen.process().Hear({NewOrder(1), order}), IsOk());
  ASSERT_THAT(kitchen.process().Finish(order.order_id), IsOk());
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());

  EXPECT_EQ(kitchen.StatusOf(order), "COOKED");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 16);
  kitchen.ExpectBooksBalance();
}

TEST(OrderEventsTest, AMalformedEventCanNeverBeApplied) {
  Kitchen kitchen;
  Message garbage = Ordered(NewOrder(1));
  garbage.payload = "\xff\xff garbage";
  OrderDetails nothing = NewOrder(0);

  EXPECT_EQ(kitchen.process().Apply({garbage}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(kitchen.process().Hear({nothing}),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));

  EXPECT_EQ(kitchen.db().Value("SELECT count(*) FROM tickets"), "0");
  EXPECT_EQ(kitchen.db().Value("SELECT count(*) FROM inbox"), "0");
}

TEST(OrderEventsTest, AnEventOfAnotherTypeIsNotOurs) {
  Kitchen kitchen;
  Message other = Ordered(NewOrder(1));
  other.type = "restaurant.order.v1.OrderCancelled";

  EXPECT_THAT(kitchen.process().Apply({other}), IsOk());

  EXPECT_EQ(kitchen.db().Value("SELECT count(*) FROM tickets"), "0");
}

// What the seed could not do: five processes, each of which would have given
// away stock of its own.
TEST(OrderEventsTest, FiveProcessesShareTheStock) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&kitchen] {
      Process process(kitchen.db().dsn(), 1);
      for (int j = 0; j < 10; ++j) {
        EXPECT_THAT(process.Hear({NewOrder(1)}), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(kitchen.Count("COOKING"), 20);
  EXPECT_EQ(kitchen.Count("REJECTED"), 30);
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 0);
  EXPECT_EQ(kitchen.LedgerSum("take"), -20);
  kitchen.ExpectBooksBalance();
}

// Two batches that want the same rows in opposite orders. A third party holds
// the row in the middle until both wait: whoever takes rows as they come then
// holds what the other needs next, and each waits for the other.
class OppositeBatchesTest : public ::testing::Test {
 protected:
  static constexpr int kItems = 9;

  OppositeBatchesTest() {
    for (int item = 1; item <= kItems; ++item) {
      EXPECT_THAT(kitchen_.process().SetOnHand({1, item}, 10), IsOk());
    }
  }

  // One order of each item.
  static std::vector<OrderDetails> Orders() {
    std::vector<OrderDetails> orders;
    for (int item = 1; item <= kItems; ++item) {
      orders.push_back(NewOrder(1, {1, item}));
    }
    return orders;
  }

  // Applies both batches at once, while `hold` holds what it locks.
  void ApplyBoth(const std::vector<OrderDetails>& one,
                 const std::vector<OrderDetails>& other,
                 const std::string& hold) {
    pqxx::connection holder(kitchen_.db().dsn());
    pqxx::work held(holder);
    held.exec(hold);
    std::thread first([&] { Apply(one); });
    std::thread second([&] { Apply(other); });
    EXPECT_TRUE(Eventually(absl::Seconds(5), [&] {
      return kitchen_.db().Value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                 "current_database() AND wait_event_type = 'Lock'") == "2";
    }));
    held.abort();
    first.join();
    second.join();
    // A deadlock's victim is tried again: its handler is called once more.
    EXPECT_EQ(calls_, 2) << "somebody was the victim of a deadlock";
  }

  Kitchen kitchen_;

 private:
  void Apply(const std::vector<OrderDetails>& orders) {
    Process process(kitchen_.db().dsn(), 1);
    std::vector<Message> messages;
    for (const OrderDetails& order : orders) messages.push_back(Ordered(order));
    EXPECT_THAT(platform::events::ApplyOnce(
                    process.pool(), "cook", messages,
                    [&](pqxx::work& tx, absl::Span<const Message> fresh) {
                      ++calls_;
                      return handler_(tx, fresh);
                    }),
                IsOk());
  }

  const platform::events::Handler handler_ = OrderEvents(platform::Now);
  std::atomic<int> calls_ = 0;
};

TEST_F(OppositeBatchesTest, OfTheSameItemsDoNotDeadlock) {
  std::vector<OrderDetails> reversed = Orders();
  std::reverse(reversed.begin(), reversed.end());

  ApplyBoth(Orders(), reversed,
            "SELECT * FROM stocks WHERE restaurant_menu_id = 5 FOR UPDATE");

  EXPECT_EQ(kitchen_.Count("COOKING"), 2 * kItems);
  kitchen_.ExpectBooksBalance();
}

TEST_F(OppositeBatchesTest, OfTheSameOrdersDoNotDeadlock) {
  const std::vector<OrderDetails> orders = Orders();
  std::vector<OrderDetails> reversed = orders;
  std::reverse(reversed.begin(), reversed.end());

  ApplyBoth(orders, reversed,
            absl::StrCat("INSERT INTO tickets VALUES ('", orders[4].order_id,
                         "', 1, 5, 7, 1, 'COOKING', 1, now(), now(), '', '', "
                         "'')"));

  EXPECT_EQ(kitchen_.Count("COOKING"), kItems);
  EXPECT_EQ(kitchen_.LedgerSum("take"), -kItems);
  kitchen_.ExpectBooksBalance();
}

TEST(OrderEventsTest, StockSetWhileOrdersFlowIsConserved) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 50), IsOk());
  std::atomic<bool> done = false;
  std::thread counting([&] {
    Process process(kitchen.db().dsn(), 1);
    for (int i = 0; !done; ++i) {
      EXPECT_THAT(process.SetOnHand(kBibimbap, i % 2 == 0 ? 5 : 100), IsOk());
    }
  });
  std::vector<std::thread> ordering;
  for (int i = 0; i < 3; ++i) {
    ordering.emplace_back([&] {
      Process process(kitchen.db().dsn(), 1);
      for (int j = 0; j < 60; ++j) {
        const std::vector<OrderDetails> orders = {NewOrder(3), NewOrder(20),
                                                  NewOrder(1)};
        EXPECT_THAT(process.Hear(orders), IsOk());
        const absl::StatusOr<Ticket> cancelled = process.Cancel(orders[0]);
        if (!cancelled.ok()) {
          EXPECT_THAT(cancelled, Fails(absl::StatusCode::kFailedPrecondition,
                                       "QUANTITY_OVER"));
        }
      }
    });
  }
  for (std::thread& thread : ordering) thread.join();
  done = true;
  counting.join();

  EXPECT_EQ(kitchen.Count("COOKING") + kitchen.Count("REJECTED") +
                kitchen.Count("CANCELLED"),
            3 * 60 * 3);
  EXPECT_GT(kitchen.Count("COOKING"), 0);
  EXPECT_GT(kitchen.Count("REJECTED"), 0);
  kitchen.ExpectBooksBalance();
}

// Two that stock a new item at once both start from nothing: the later must see
// the earlier.
TEST(SetStockTest, AFirstCountThatRacesAnotherAddsUp) {
  Kitchen kitchen;
  Process one(kitchen.db().dsn(), 1);
  Process two(kitchen.db().dsn(), 1);
  for (int item = 1; item <= 100; ++item) {
    std::thread other([&] {
      EXPECT_THAT(two.SetOnHand({1, item}, 20), IsOk());
    });
    EXPECT_THAT(one.SetOnHand({1, item}, 10), IsOk());
    other.join();
  }

  kitchen.ExpectBooksBalance();
}

TEST(SetStockTest, IsIdempotent) {
  Kitchen kitchen;
  const absl::StatusOr<Stock> first =
      kitchen.process().SetOnHand(kBibimbap, 20);
  ASSERT_THAT(first, IsOk());

  const absl::StatusOr<Stock> again =
      kitchen.process().SetOnHand(kBibimbap, 20);

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->modified(), first->modified());
  EXPECT_EQ(kitchen.db().Value("SELECT count(*) FROM stock_ledger"), "1");
}

}  // namespace
}  // namespace cook
