#include "delivery/domain/delivery.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/delivery/examples.h"

namespace delivery {
namespace {

const Parcel kBibimbap = {.order_id = "01890000-0000-7000-8000-000000000001",
                          .restaurant_id = 1,
                          .restaurant_menu_id = 2,
                          .customer_id = 3,
                          .qty = 4};

DeliveryData StoredAs(DeliveryStatus status) {
  return {.parcel = kBibimbap,
          .status = status,
          .version = status == DeliveryStatus::kStarted ? 1 : 2,
          .created = kNoon,
          .modified = kNoon};
}

TEST(DeliveryTest, StartsAndSaysSo) {
  const Delivery delivery = Delivery::Start(kBibimbap, kNoon);

  EXPECT_EQ(delivery.data(), StoredAs(DeliveryStatus::kStarted));
  EXPECT_EQ(delivery.stored_version(), 0);
  EXPECT_EQ(delivery.fact(), Fact(DeliveryStarted{}));
}

TEST(DeliveryTest, RestoringSaysNothing) {
  const Delivery delivery =
      Delivery::Restore(StoredAs(DeliveryStatus::kDelivered));

  EXPECT_EQ(delivery.data(), StoredAs(DeliveryStatus::kDelivered));
  EXPECT_EQ(delivery.stored_version(), 2);
  EXPECT_EQ(delivery.fact(), std::nullopt);
}

// The life cycle as a table, every cell of it: there is one step, to complete.
TEST(DeliveryTest, CompletingAStartedDeliveryMovesIt) {
  Delivery delivery = Delivery::Restore(StoredAs(DeliveryStatus::kStarted));

  delivery.Complete(kLater);

  EXPECT_EQ(delivery.status(), DeliveryStatus::kDelivered);
  EXPECT_EQ(delivery.data().version, 2);
  EXPECT_EQ(delivery.data().created, kNoon);
  EXPECT_EQ(delivery.data().modified, kLater);
  EXPECT_EQ(delivery.stored_version(), 1);
  EXPECT_EQ(delivery.fact(), Fact(Delivered{}));
}

TEST(DeliveryTest, CompletingADeliveredDeliveryChangesNothing) {
  Delivery delivery = Delivery::Restore(StoredAs(DeliveryStatus::kDelivered));

  delivery.Complete(kLater);

  EXPECT_EQ(delivery.data(), StoredAs(DeliveryStatus::kDelivered));
  EXPECT_EQ(delivery.fact(), std::nullopt);
}

TEST(DeliveryTest, StatusesHaveNames) {
  for (const DeliveryStatus status :
       {DeliveryStatus::kStarted, DeliveryStatus::kDelivered}) {
    EXPECT_EQ(ParseDeliveryStatus(Name(status)), status);
  }
  EXPECT_EQ(Name(DeliveryStatus::kDelivered), "DELIVERED");
  EXPECT_EQ(ParseDeliveryStatus("started"), std::nullopt);
  EXPECT_EQ(ParseDeliveryStatus(""), std::nullopt);
}

}  // namespace
}  // namespace delivery
