#include "cook/app/use_cases.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/cook/examples.h"
#include "tests/unit/cook/fake_ticket_store.h"

namespace cook {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

OrderDetails OrderOf(std::string id, int32_t qty, Item item = kBibimbap) {
  return {.order_id = std::move(id),
          .restaurant_id = item.restaurant_id,
          .restaurant_menu_id = item.restaurant_menu_id,
          .customer_id = 7,
          .qty = qty};
}

CancelCommand Cancel(std::string id, bool from_order_service = true) {
  return {.order = OrderOf(std::move(id), 3),
          .reason = "too slow",
          .by = "customer",
          .may_make_tombstone = from_order_service};
}

TEST(BeginCookingTest, FirstComeFirstServed) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;

  ASSERT_THAT(
      BeginCooking(store, {OrderOf("c", 3), OrderOf("a", 3), OrderOf("b", 2)},
                   kNoon),
      IsOk());

  EXPECT_EQ(store.tickets["c"].status, TicketStatus::kCooking);
  EXPECT_EQ(store.tickets["a"].status, TicketStatus::kRejected);
  EXPECT_EQ(store.tickets["b"].status, TicketStatus::kCooking);
  EXPECT_EQ(store.stocks[kBibimbap], 0);
  EXPECT_THAT(store.facts,
              ElementsAre(Fact(CookStarted{}), Fact(CookQtyChecked{2}),
                          Fact(CookStarted{})));
}

TEST(BeginCookingTest, AnItemThatWasNeverStockedIsRejected) {
  FakeTicketStore store;

  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 1)}, kNoon), IsOk());

  EXPECT_EQ(store.tickets["a"].status, TicketStatus::kRejected);
  EXPECT_THAT(store.facts, ElementsAre(Fact(CookQtyChecked{0})));
  EXPECT_THAT(store.movements, IsEmpty());
}

TEST(BeginCookingTest, AnOrderNamedTwiceTakesOnce) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;

  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3), OrderOf("a", 3)}, kNoon),
              IsOk());

  EXPECT_EQ(store.stocks[kBibimbap], 2);
  EXPECT_THAT(store.facts, SizeIs(1));
}

TEST(BeginCookingTest, AnOrderThatHasATicketIsLeftAlone) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3)}, kNoon), IsOk());
  const TicketData before = store.tickets["a"];

  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 2), OrderOf("b", 1)}, kLater),
              IsOk());

  EXPECT_EQ(store.tickets["a"], before);
  EXPECT_EQ(store.stocks[kBibimbap], 1);
}

TEST(BeginCookingTest, LocksTicketsThenStocks) {
  FakeTicketStore store;

  ASSERT_THAT(
      BeginCooking(store,
                   {OrderOf("a", 1, Item{2, 1}), OrderOf("b", 1, Item{1, 2})},
                   kNoon),
      IsOk());

  EXPECT_THAT(store.locks, ElementsAre("tickets", "stocks"));
}

TEST(BeginCookingTest, AFailedSaveIsReported) {
  FakeTicketStore store;
  store.save_status = absl::InternalError("no");

  EXPECT_EQ(BeginCooking(store, {OrderOf("a", 1)}, kNoon), store.save_status);
}

TEST(CancelTicketTest, ReturnsTheStock) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3)}, kNoon), IsOk());
  store.locks.clear();

  const absl::StatusOr<Ticket> ticket =
      CancelTicket(store, Cancel("a"), kLater);

  ASSERT_THAT(ticket, IsOk());
  EXPECT_EQ(ticket->status(), TicketStatus::kCancelled);
  EXPECT_EQ(store.tickets["a"], ticket->data());
  EXPECT_EQ(store.stocks[kBibimbap], 5);
  EXPECT_EQ(store.movements.back(), (Movement{MovementKind::kReturn, 3, "a"}));
  EXPECT_EQ(store.facts.back(), Fact(CookCancelled{"too slow", "customer"}));
  EXPECT_EQ(store.locks.back(), "stocks");
}

TEST(CancelTicketTest, AgainGivesTheSameAnswerAndReturnsNothing) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3)}, kNoon), IsOk());
  const absl::StatusOr<Ticket> first = CancelTicket(store, Cancel("a"), kNoon);
  ASSERT_THAT(first, IsOk());

  const absl::StatusOr<Ticket> again = CancelTicket(store, Cancel("a"), kLater);

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->data(), first->data());
  EXPECT_EQ(store.stocks[kBibimbap], 5);
  EXPECT_THAT(store.facts, SizeIs(2));
}

TEST(CancelTicketTest, UsesTheTicketsOwnQuantity) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 2)}, kNoon), IsOk());

  ASSERT_THAT(CancelTicket(store, Cancel("a"), kLater), IsOk());

  EXPECT_EQ(store.stocks[kBibimbap], 5);
}

TEST(CancelTicketTest, AnOrderNobodyHeardOfGetsATombstone) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;

  ASSERT_THAT(CancelTicket(store, Cancel("a"), kNoon), IsOk());
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3)}, kLater), IsOk());

  EXPECT_EQ(store.tickets["a"].status, TicketStatus::kCancelled);
  EXPECT_EQ(store.tickets["a"].version, 1);
  EXPECT_EQ(store.tickets["a"].order, OrderOf("a", 3));
  EXPECT_EQ(store.stocks[kBibimbap], 5);
  EXPECT_THAT(store.facts,
              ElementsAre(Fact(CookCancelled{"too slow", "customer"})));
}

TEST(CancelTicketTest, OnlyTheOrderServiceMakesTombstones) {
  FakeTicketStore store;

  EXPECT_THAT(CancelTicket(store, Cancel("a", false), kNoon),
              Fails(absl::StatusCode::kNotFound, "TICKET_NOT_FOUND"));

  EXPECT_THAT(store.tickets, IsEmpty());
}

TEST(CancelTicketTest, IsTooLateForACookedTicket) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3)}, kNoon), IsOk());
  ASSERT_THAT(FinishCooking(store, "a", kNoon), IsOk());

  EXPECT_THAT(CancelTicket(store, Cancel("a"), kLater),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));

  EXPECT_EQ(store.stocks[kBibimbap], 2);
}

TEST(FinishCookingTest, AnUnknownOrderIsNotFound) {
  FakeTicketStore store;

  EXPECT_THAT(FinishCooking(store, "a", kNoon),
              Fails(absl::StatusCode::kNotFound, "TICKET_NOT_FOUND"));
}

TEST(FinishCookingTest, AgainGivesTheSameAnswer) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 5;
  ASSERT_THAT(BeginCooking(store, {OrderOf("a", 3)}, kNoon), IsOk());
  const absl::StatusOr<Ticket> first = FinishCooking(store, "a", kNoon);
  ASSERT_THAT(first, IsOk());

  const absl::StatusOr<Ticket> again = FinishCooking(store, "a", kLater);

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->data(), first->data());
  EXPECT_THAT(store.facts, ElementsAre(Fact(CookStarted{}), Fact(Cooked{})));
}

TEST(FinishDueTest, FinishesWhatIsDueUpToTheLimit) {
  FakeTicketStore store;
  store.stocks[kBibimbap] = 100;
  ASSERT_THAT(
      BeginCooking(store, {OrderOf("a", 1), OrderOf("b", 1), OrderOf("c", 1)},
                   kNoon),
      IsOk());
  ASSERT_THAT(BeginCooking(store, {OrderOf("d", 1)}, kLater), IsOk());

  EXPECT_EQ(FinishDue(store, kNoon, 2, kLater).value(), 2);
  EXPECT_EQ(FinishDue(store, kNoon, 2, kLater).value(), 1);
  EXPECT_EQ(FinishDue(store, kNoon, 2, kLater).value(), 0);

  EXPECT_EQ(store.tickets["d"].status, TicketStatus::kCooking);
}

TEST(SetStockTest, RecordsTheDifference) {
  FakeTicketStore store;

  EXPECT_EQ(SetStock(store, kBibimbap, 20, kNoon).value().on_hand(), 20);
  EXPECT_EQ(SetStock(store, kBibimbap, 20, kNoon).value().on_hand(), 20);
  EXPECT_EQ(SetStock(store, kBibimbap, 5, kNoon).value().on_hand(), 5);

  EXPECT_THAT(store.movements,
              ElementsAre(Movement{MovementKind::kSet, 20, ""},
                          Movement{MovementKind::kSet, -15, ""}));
}

}  // namespace
}  // namespace cook
