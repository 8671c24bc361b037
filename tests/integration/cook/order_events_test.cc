#include "cook/adapters/order_events.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/inbox.h"
#include "platform/time/clock.h"
#include "tests/integration/cook/kitchen.h"
#include "tests/support/status_matchers.h"

namespace cook {
namespace {

using platform::events::Message;
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

// The same orders and the same items, named in opposite orders, in two batches
// that overlap in time: one waits for the other, none is killed for a deadlock.
// Two rounds in three the batches hold the same orders; every event is new.
TEST(OrderEventsTest, BatchesInOppositeOrderDoNotDeadlock) {
  Kitchen kitchen;
  constexpr int kItems = 20;
  for (int item = 1; item <= kItems; ++item) {
    ASSERT_THAT(kitchen.process().SetOnHand({1, item}, 1000), IsOk());
  }
  // A deadlock's victim is tried again: its handler is called once more.
  std::atomic<int> calls = 0;
  const platform::events::Handler handler = OrderEvents(platform::Now, [] {});
  const platform::events::Handler counting =
      [&](pqxx::work& tx, absl::Span<const Message> messages) {
        ++calls;
        return handler(tx, messages);
      };
  Process forward(kitchen.db().dsn(), 1);
  Process backward(kitchen.db().dsn(), 1);
  for (int round = 0; round < 60; ++round) {
    std::vector<OrderDetails> orders;
    for (int item = 1; item <= kItems; ++item) {
      orders.push_back(NewOrder(1, {1, item}));
    }
    std::vector<OrderDetails> reversed = orders;
    if (round % 3 == 0) {
      for (OrderDetails& order : reversed) {
        order = NewOrder(1, order.item());
      }
    }
    std::reverse(reversed.begin(), reversed.end());
    std::atomic<int> ready = 0;
    const auto hear = [&](Process& process,
                          const std::vector<OrderDetails>& batch) {
      std::vector<Message> messages;
      for (const OrderDetails& order : batch) {
        messages.push_back(Ordered(order));
      }
      ++ready;
      while (ready < 2) std::this_thread::yield();
      EXPECT_THAT(platform::events::ApplyOnce(process.pool(), "cook", messages,
                                              counting),
                  IsOk());
    };
    std::thread other([&] { hear(backward, reversed); });
    hear(forward, orders);
    other.join();
  }

  EXPECT_EQ(kitchen.Count("COOKING"), (40 + 20 * 2) * kItems);
  EXPECT_EQ(kitchen.Count("REJECTED"), 0);
  EXPECT_EQ(calls, 60 * 2) << "somebody was the victim of a deadlock";
  kitchen.ExpectBooksBalance();
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
