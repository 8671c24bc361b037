#include "delivery/app/use_cases.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/delivery/examples.h"
#include "tests/unit/delivery/fake_delivery_store.h"

namespace delivery {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

Parcel ParcelOf(const std::string& order_id) {
  return {.order_id = order_id,
          .restaurant_id = 1,
          .restaurant_menu_id = 1,
          .customer_id = 1,
          .qty = 1};
}

TEST(StartDeliveriesTest, StartsEach) {
  FakeDeliveryStore store;

  StartDeliveries(store, {ParcelOf("a"), ParcelOf("b")}, kNoon);

  EXPECT_EQ(store.rows.at("b").status, DeliveryStatus::kStarted);
  EXPECT_EQ(store.rows.at("b").created, kNoon);
  EXPECT_THAT(store.facts, ElementsAre(Pair("a", Fact(DeliveryStarted{})),
                                       Pair("b", Fact(DeliveryStarted{}))));
}

TEST(StartDeliveriesTest, LeavesAloneWhatWasStarted) {
  FakeDeliveryStore store;
  StartDeliveries(store, {ParcelOf("a")}, kNoon);
  ASSERT_THAT(CompleteDelivery(store, "a", kNoon), IsOk());
  store.facts.clear();

  StartDeliveries(store, {ParcelOf("a")}, kLater);

  EXPECT_EQ(store.rows.at("a").status, DeliveryStatus::kDelivered);
  EXPECT_EQ(store.rows.at("a").created, kNoon);
  EXPECT_THAT(store.facts, IsEmpty());
}

TEST(StartDeliveriesTest, NothingIsNothing) {
  FakeDeliveryStore store;

  StartDeliveries(store, {}, kNoon);

  EXPECT_THAT(store.rows, IsEmpty());
}

TEST(CompleteDeliveryTest, SavesAndReturnsIt) {
  FakeDeliveryStore store;
  StartDeliveries(store, {ParcelOf("a")}, kNoon);

  const auto delivery = CompleteDelivery(store, "a", kLater);

  ASSERT_THAT(delivery, IsOk());
  EXPECT_EQ(delivery->status(), DeliveryStatus::kDelivered);
  EXPECT_EQ(store.rows.at("a"), delivery->data());
  EXPECT_EQ(store.facts.back(), std::pair(std::string("a"), Fact(Delivered{})));
}

TEST(CompleteDeliveryTest, AgainSucceedsAndSaysNothing) {
  FakeDeliveryStore store;
  StartDeliveries(store, {ParcelOf("a")}, kNoon);
  ASSERT_THAT(CompleteDelivery(store, "a", kNoon), IsOk());
  const DeliveryData before = store.rows.at("a");

  const auto again = CompleteDelivery(store, "a", kLater);

  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->data(), before);
  EXPECT_THAT(store.facts, SizeIs(2));
}

TEST(CompleteDeliveryTest, AnUnknownOrderIsNotFound) {
  FakeDeliveryStore store;

  EXPECT_THAT(CompleteDelivery(store, "a", kNoon),
              Fails(absl::StatusCode::kNotFound, "DELIVERY_NOT_FOUND"));
}

TEST(CompleteDueTest, CompletesTheOldestThatAreDue) {
  FakeDeliveryStore store;
  StartDeliveries(store, {ParcelOf("c")}, kNoon);
  StartDeliveries(store, {ParcelOf("b")}, kNoon + absl::Seconds(1));
  StartDeliveries(store, {ParcelOf("a")}, kNoon + absl::Seconds(2));

  const auto completed =
      CompleteDue(store, kNoon + absl::Seconds(1), 10, kLater);

  EXPECT_EQ(completed.value(), 2);
  EXPECT_EQ(store.rows.at("c").status, DeliveryStatus::kDelivered);
  EXPECT_EQ(store.rows.at("b").status, DeliveryStatus::kDelivered);
  EXPECT_EQ(store.rows.at("a").status, DeliveryStatus::kStarted);
}

TEST(CompleteDueTest, CompletesNoMoreThanTheLimit) {
  FakeDeliveryStore store;
  StartDeliveries(store, {ParcelOf("a"), ParcelOf("b"), ParcelOf("c")}, kNoon);

  EXPECT_EQ(CompleteDue(store, kNoon, 2, kLater).value(), 2);
  EXPECT_EQ(CompleteDue(store, kNoon, 2, kLater).value(), 1);
  EXPECT_EQ(CompleteDue(store, kNoon, 2, kLater).value(), 0);
}

}  // namespace
}  // namespace delivery
