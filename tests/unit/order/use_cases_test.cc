#include "order/app/use_cases.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/status/error.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/order/examples.h"
#include "tests/unit/order/fake_order_store.h"

namespace order {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Kind = KitchenAnswer::Kind;

OrderState Stored(const std::string& id, OrderStatus status) {
  OrderState state = Order::Place(id, {1, 2, 3, 4}, kNow).state();
  state.status = status;
  if (status == OrderStatus::kCancelPending) {
    state.cancel_reason = "first";
    state.cancel_by = "customer";
  }
  return state;
}

// Settles one attempt on an order with `status`.
absl::StatusOr<OrderState> Settle(FakeOrderStore& store, OrderStatus status,
                                  KitchenAnswer answer) {
  store.Put(Stored("a", status));
  const CancelAttempt attempt{"a", "why", "customer", std::move(answer)};
  auto told = SettleCancels(store, absl::MakeConstSpan(&attempt, 1), kNow);
  EXPECT_THAT(told.status(), IsOk());
  EXPECT_THAT(*told, SizeIs(1));
  return told->front();
}

TEST(SettleCancelsTest, CancelledIsCancelled) {
  for (OrderStatus before :
       {OrderStatus::kOrdered, OrderStatus::kCancelPending}) {
    FakeOrderStore store;
    auto told = Settle(store, before, {Kind::kCancelled, "", ""});
    ASSERT_THAT(told.status(), IsOk());
    EXPECT_EQ(told->status, OrderStatus::kCancelled);
    EXPECT_EQ(told->reason, "why");
    EXPECT_EQ(*told, store.At("a"));
    ASSERT_THAT(store.facts(), SizeIs(1));
    EXPECT_EQ(std::get<Cancelled>(store.facts()[0].what),
              (Cancelled{"why", "customer"}));
  }
}

TEST(SettleCancelsTest, WhoCancelledTheTicketFirstCancelledTheOrder) {
  for (OrderStatus before :
       {OrderStatus::kOrdered, OrderStatus::kCancelPending}) {
    FakeOrderStore store;
    auto told = Settle(store, before, {Kind::kCancelled, "closed", "operator"});
    ASSERT_THAT(told.status(), IsOk());
    EXPECT_EQ(told->reason, "closed");
    EXPECT_EQ(std::get<Cancelled>(store.facts()[0].what),
              (Cancelled{"closed", "operator"}));
  }
}

TEST(SettleCancelsTest, CancelledTwiceIsOneFact) {
  FakeOrderStore store;
  auto told =
      Settle(store, OrderStatus::kCancelled, {Kind::kCancelled, "", ""});
  ASSERT_THAT(told.status(), IsOk());
  EXPECT_EQ(told->status, OrderStatus::kCancelled);
  EXPECT_THAT(store.facts(), IsEmpty());
}

TEST(SettleCancelsTest, RefusedLeavesAnOrderedOne) {
  FakeOrderStore store;
  auto told = Settle(store, OrderStatus::kOrdered,
                     {Kind::kRefused, "ALREADY_COOKED", ""});
  EXPECT_THAT(told.status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));
  EXPECT_EQ(platform::DetailOf(told.status(), "status"), "ORDERED");
  EXPECT_EQ(store.At("a"), Stored("a", OrderStatus::kOrdered));
  EXPECT_THAT(store.facts(), IsEmpty());
}

TEST(SettleCancelsTest, RefusedTakesAPendingOneBack) {
  FakeOrderStore store;
  auto told = Settle(store, OrderStatus::kCancelPending,
                     {Kind::kRefused, "QUANTITY_OVER", ""});
  EXPECT_THAT(told.status(),
              Fails(absl::StatusCode::kFailedPrecondition, "QUANTITY_OVER"));
  EXPECT_EQ(platform::DetailOf(told.status(), "status"), "ORDERED");
  EXPECT_EQ(store.At("a").status, OrderStatus::kOrdered);
  EXPECT_EQ(store.At("a").version, 2);
  ASSERT_THAT(store.facts(), SizeIs(1));
  EXPECT_EQ(std::get<CancelRefused>(store.facts()[0].what),
            (CancelRefused{"QUANTITY_OVER", "kitchen"}));
}

TEST(SettleCancelsTest, RefusedTellsAFinalStatus) {
  FakeOrderStore store;
  auto told = Settle(store, OrderStatus::kCompleted,
                     {Kind::kRefused, "ALREADY_COOKED", ""});
  EXPECT_THAT(told.status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));
  EXPECT_EQ(platform::DetailOf(told.status(), "status"), "COMPLETED");
  EXPECT_THAT(store.facts(), IsEmpty());
}

TEST(SettleCancelsTest, UnknownMakesAnOrderedOnePending) {
  FakeOrderStore store;
  auto told =
      Settle(store, OrderStatus::kOrdered, {Kind::kUnknown, "UNAVAILABLE", ""});
  ASSERT_THAT(told.status(), IsOk());
  EXPECT_EQ(told->status, OrderStatus::kCancelPending);
  EXPECT_EQ(told->cancel_reason, "why");
  ASSERT_THAT(store.facts(), SizeIs(1));
}

TEST(SettleCancelsTest, UnknownLeavesAllOthers) {
  for (OrderStatus before :
       {OrderStatus::kCancelPending, OrderStatus::kCancelled}) {
    FakeOrderStore store;
    auto told = Settle(store, before, {Kind::kUnknown, "", ""});
    ASSERT_THAT(told.status(), IsOk());
    EXPECT_EQ(told->status, before);
    EXPECT_THAT(store.facts(), IsEmpty());
  }
  for (auto [before, reason] :
       {std::pair(OrderStatus::kCompleted, "ORDER_COMPLETED"),
        std::pair(OrderStatus::kRejected, "ORDER_REJECTED")}) {
    FakeOrderStore store;
    auto told = Settle(store, before, {Kind::kUnknown, "", ""});
    EXPECT_THAT(told.status(),
                Fails(absl::StatusCode::kFailedPrecondition, reason));
    EXPECT_THAT(store.facts(), IsEmpty());
  }
}

TEST(SettleCancelsTest, EachOfABatchGetsItsOwn) {
  FakeOrderStore store;
  store.Put(Stored("a", OrderStatus::kCancelPending));
  store.Put(Stored("b", OrderStatus::kCancelPending));
  const std::vector<CancelAttempt> attempts = {
      {"b", "", "customer", {Kind::kRefused, "ALREADY_COOKED", ""}},
      {"gone", "", "customer", {Kind::kCancelled, "", ""}},
      {"a", "", "customer", {Kind::kCancelled, "", ""}}};
  auto told = SettleCancels(store, attempts, kNow);
  ASSERT_THAT(told.status(), IsOk());
  EXPECT_THAT((*told)[0].status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));
  EXPECT_THAT((*told)[1].status(),
              Fails(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND"));
  EXPECT_EQ((*told)[2]->status, OrderStatus::kCancelled);
  EXPECT_EQ(store.saves(), 1);
}

TEST(SettleCancelsTest, SaysWhenTheStoreFails) {
  FakeOrderStore store;
  store.Put(Stored("a", OrderStatus::kOrdered));
  store.FailSaves(absl::AbortedError("changed"));
  const CancelAttempt attempt{"a", "", "customer", {Kind::kCancelled, "", ""}};
  EXPECT_TRUE(absl::IsAborted(
      SettleCancels(store, absl::MakeConstSpan(&attempt, 1), kNow).status()));
}

Change Completing(const std::string& id) {
  return {id, [](Order& order) { return order.Complete("courier", kNow); }};
}
Change Cancelling(const std::string& id) {
  return {id, [](Order& order) { return order.Cancel("", "operator", kNow); }};
}

TEST(ChangeOrdersTest, TakesAllInOneSave) {
  FakeOrderStore store;
  store.Put(Stored("a", OrderStatus::kOrdered));
  store.Put(Stored("b", OrderStatus::kOrdered));
  ASSERT_THAT(
      ChangeOrders(store, {Completing("b"), Cancelling("a"), Completing("b")}),
      IsOk());
  EXPECT_EQ(store.At("a").status, OrderStatus::kCancelled);
  EXPECT_EQ(store.At("b").status, OrderStatus::kCompleted);
  EXPECT_EQ(store.saves(), 1);
  EXPECT_THAT(store.facts(), SizeIs(2));
}

TEST(ChangeOrdersTest, AnUnknownOrderIsNotFound) {
  FakeOrderStore store;
  store.Put(Stored("a", OrderStatus::kOrdered));
  EXPECT_THAT(ChangeOrders(store, {Completing("a"), Completing("gone")}),
              Fails(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND"));
  EXPECT_EQ(store.saves(), 0);
}

TEST(ChangeOrdersTest, AForbiddenStepSavesNothing) {
  FakeOrderStore store;
  store.Put(Stored("a", OrderStatus::kOrdered));
  store.Put(Stored("b", OrderStatus::kRejected));
  EXPECT_THAT(ChangeOrders(store, {Completing("a"), Completing("b")}),
              Fails(absl::StatusCode::kFailedPrecondition, "ORDER_REJECTED"));
  EXPECT_EQ(store.saves(), 0);
  EXPECT_EQ(store.At("a").status, OrderStatus::kOrdered);
}

TEST(NeedsKitchenTest, OnlyWhileItIsOpen) {
  EXPECT_TRUE(NeedsKitchen(Stored("a", OrderStatus::kOrdered)));
  EXPECT_TRUE(NeedsKitchen(Stored("a", OrderStatus::kCancelPending)));
  EXPECT_FALSE(NeedsKitchen(Stored("a", OrderStatus::kCompleted)));
  EXPECT_FALSE(NeedsKitchen(Stored("a", OrderStatus::kRejected)));
  EXPECT_FALSE(NeedsKitchen(Stored("a", OrderStatus::kCancelled)));
}

}  // namespace
}  // namespace order
