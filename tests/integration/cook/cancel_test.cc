// The cancel call against a real database: what it does, and what happens when
// it meets the order's arrival or the kitchen's last stir.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/integration/cook/kitchen.h"
#include "tests/support/status_matchers.h"

namespace cook {
namespace {

using test_support::Fails;
using test_support::IsOk;

// Runs both at the same moment, `late` a little later the larger `bias` is (a
// negative one: a little earlier), so that over many rounds each wins.
template <typename A, typename B>
void Race(int bias, const A& early, const B& late) {
  std::atomic<int> ready = 0;
  const auto start = [&ready](int delay) {
    ++ready;
    while (ready < 2) std::this_thread::yield();
    const absl::Time until = absl::Now() + absl::Microseconds(delay);
    while (absl::Now() < until) {
    }
  };
  std::thread other([&] {
    start(bias > 0 ? bias : 0);
    late();
  });
  start(bias < 0 ? -bias : 0);
  early();
  other.join();
}

TEST(CancelTest, ReturnsTheStock) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());

  const absl::StatusOr<Ticket> ticket = kitchen.process().Cancel(order);

  ASSERT_THAT(ticket, IsOk());
  EXPECT_EQ(ticket->status(), TicketStatus::kCancelled);
  EXPECT_EQ(kitchen.StatusOf(order), "CANCELLED");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 20);
  EXPECT_EQ(kitchen.LedgerSum("return"), 3);
  EXPECT_EQ(kitchen.db().Value(
                "SELECT subject FROM outbox ORDER BY version DESC LIMIT 1"),
            "restaurant.cook.cancelled");
  kitchen.ExpectBooksBalance();
}

TEST(CancelTest, AgainGivesTheSameAnswer) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());
  const absl::StatusOr<Ticket> first = kitchen.process().Cancel(order);
  ASSERT_THAT(first, IsOk());

  for (const bool from_order_service : {true, false}) {
    const absl::StatusOr<Ticket> again =
        kitchen.process().Cancel(order, from_order_service);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->data(), first->data());
  }

  EXPECT_EQ(kitchen.OnHand(kBibimbap), 20);
  kitchen.ExpectBooksBalance();
}

TEST(CancelTest, AnOrderNobodyHeardOfGetsATombstone) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);

  const absl::StatusOr<Ticket> ticket = kitchen.process().Cancel(order);
  ASSERT_THAT(ticket, IsOk());
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());

  EXPECT_EQ(ticket->data().order, order);
  EXPECT_EQ(ticket->data().version, 1);
  EXPECT_EQ(kitchen.StatusOf(order), "CANCELLED");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 20);
  EXPECT_EQ(kitchen.db().Value("SELECT subject FROM outbox"),
            "restaurant.cook.cancelled");
  EXPECT_EQ(kitchen.db().Value(
                "SELECT count(*) FROM stock_ledger WHERE order_id IS NOT NULL"),
            "0");
  kitchen.ExpectBooksBalance();

  // A repeat answers the same, and the dish can no longer be finished.
  const absl::StatusOr<Ticket> again = kitchen.process().Cancel(order);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->data(), ticket->data());
  EXPECT_THAT(kitchen.process().Finish(order.order_id),
              Fails(absl::StatusCode::kFailedPrecondition, "TICKET_CANCELLED"));
}

TEST(CancelTest, OnlyTheOrderServiceMakesTombstones) {
  Kitchen kitchen;

  EXPECT_THAT(kitchen.process().Cancel(NewOrder(3), false),
              Fails(absl::StatusCode::kNotFound, "TICKET_NOT_FOUND"));

  EXPECT_EQ(kitchen.db().Value("SELECT count(*) FROM tickets"), "0");
}

TEST(CancelTest, IsTooLateOnceCooked) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());
  ASSERT_THAT(kitchen.process().Finish(order.order_id), IsOk());

  EXPECT_THAT(kitchen.process().Cancel(order),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));

  EXPECT_EQ(kitchen.StatusOf(order), "COOKED");
  EXPECT_EQ(kitchen.OnHand(kBibimbap), 17);
  kitchen.ExpectBooksBalance();
}

TEST(CancelTest, OfARejectedTicketSaysWhy) {
  Kitchen kitchen;
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());

  EXPECT_THAT(kitchen.process().Cancel(order),
              Fails(absl::StatusCode::kFailedPrecondition, "QUANTITY_OVER"));
  EXPECT_THAT(kitchen.process().Finish(order.order_id),
              Fails(absl::StatusCode::kFailedPrecondition, "QUANTITY_OVER"));

  kitchen.ExpectBooksBalance();
}

TEST(CancelTest, WhatIsReturnedNeverExceedsTheLimit) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 100), IsOk());
  const OrderDetails order = NewOrder(100);
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, kMaxOnHand - 1), IsOk());

  ASSERT_THAT(kitchen.process().Cancel(order), IsOk());

  EXPECT_EQ(kitchen.OnHand(kBibimbap), kMaxOnHand);
  EXPECT_EQ(kitchen.LedgerSum("return"), 1);
}

// The ticket is the only arbiter: cancelled or cooked, never both, and both
// callers are told which.
TEST(CancelTest, RacesTheKitchensLastStir) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, kMaxOnHand), IsOk());
  Process other(kitchen.db().dsn(), 1);
  int cancelled = 0;
  int cooked = 0;
  for (int round = 0; round < 300; ++round) {
    const OrderDetails order = NewOrder(1);
    ASSERT_THAT(kitchen.process().Hear({order}), IsOk());
    absl::Status cancel;
    absl::Status finish;
    Race((round % 21 - 10) * 40,
         [&] { cancel = kitchen.process().Cancel(order).status(); },
         [&] { finish = other.Finish(order.order_id).status(); });
    if (cancel.ok()) {
      ++cancelled;
      EXPECT_THAT(finish, Fails(absl::StatusCode::kFailedPrecondition,
                                "TICKET_CANCELLED"));
      EXPECT_EQ(kitchen.StatusOf(order), "CANCELLED");
    } else {
      ++cooked;
      EXPECT_THAT(cancel, Fails(absl::StatusCode::kFailedPrecondition,
                                "ALREADY_COOKED"));
      EXPECT_THAT(finish, IsOk());
      EXPECT_EQ(kitchen.StatusOf(order), "COOKED");
    }
  }

  EXPECT_GT(cancelled, 0);
  EXPECT_GT(cooked, 0);
  EXPECT_EQ(kitchen.OnHand(kBibimbap), kMaxOnHand - cooked);
  kitchen.ExpectBooksBalance();
}

// Whichever is first, the order ends cancelled and the stock is whole.
TEST(CancelTest, RacesTheOrdersArrival) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 1000), IsOk());
  Process other(kitchen.db().dsn(), 1);
  for (int round = 0; round < 300; ++round) {
    const OrderDetails order = NewOrder(2);
    Race((round % 21 - 10) * 40,
         [&] { EXPECT_THAT(kitchen.process().Cancel(order), IsOk()); },
         [&] { EXPECT_THAT(other.Hear({order}), IsOk()); });
    EXPECT_EQ(kitchen.StatusOf(order), "CANCELLED");
  }

  EXPECT_EQ(kitchen.OnHand(kBibimbap), 1000);
  const auto tickets_of_version = [&](int version) {
    return kitchen.db().Value(
        absl::StrCat("SELECT count(*) FROM tickets WHERE version = ", version));
  };
  EXPECT_NE(tickets_of_version(1), "0") << "the cancel never came first";
  EXPECT_NE(tickets_of_version(2), "0") << "the order never came first";
  kitchen.ExpectBooksBalance();
}

TEST(CancelTest, ManyAtOnceReturnOnce) {
  Kitchen kitchen;
  ASSERT_THAT(kitchen.process().SetOnHand(kBibimbap, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen.process().Hear({order}), IsOk());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      Process process(kitchen.db().dsn(), 1);
      EXPECT_THAT(process.Cancel(order), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(kitchen.OnHand(kBibimbap), 20);
  kitchen.ExpectBooksBalance();
}

TEST(CancelTest, ManyTombstonesAtOnceAreOne) {
  Kitchen kitchen;
  const OrderDetails order = NewOrder(3);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      Process process(kitchen.db().dsn(), 1);
      EXPECT_THAT(process.Cancel(order), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(kitchen.db().Value("SELECT count(*) FROM outbox"), "1");
  kitchen.ExpectBooksBalance();
}

}  // namespace
}  // namespace cook
