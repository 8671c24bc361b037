#include "delivery/adapters/delivery_events.h"

#include "gtest/gtest.h"

#include "platform/grpc/time.h"
#include "platform/uuid/uuid.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "tests/unit/delivery/examples.h"

namespace delivery {
namespace {

namespace v1 = ::restaurant::delivery::v1;

constexpr char kOrderId[] = "01890000-0000-7000-8000-000000000001";
constexpr char kTrace[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Delivery Started() {
  return Delivery::Start({.order_id = kOrderId,
                          .restaurant_id = 1,
                          .restaurant_menu_id = 2,
                          .customer_id = 3,
                          .qty = 4},
                         kNoon);
}

TEST(DeliveryEventsTest, AStartIsTold) {
  const auto event = ToOutbox(Started(), kTrace);

  EXPECT_EQ(event.subject, "restaurant.delivery.started");
  EXPECT_EQ(event.type, "restaurant.delivery.v1.DeliveryStarted");
  EXPECT_EQ(event.aggregate_id, kOrderId);
  EXPECT_EQ(event.version, 1);
  EXPECT_EQ(event.time, kNoon);
  EXPECT_EQ(event.traceparent, kTrace);
  EXPECT_TRUE(platform::ParseUuid(event.event_id).has_value());
  v1::DeliveryStarted proto;
  ASSERT_TRUE(proto.ParseFromString(event.payload));
  EXPECT_EQ(proto.by(), "courier");
  EXPECT_EQ(proto.delivery().order_id(), kOrderId);
  EXPECT_EQ(proto.delivery().restaurant_id(), 1);
  EXPECT_EQ(proto.delivery().restaurant_menu_id(), 2);
  EXPECT_EQ(proto.delivery().customer_id(), 3);
  EXPECT_EQ(proto.delivery().qty(), 4);
  EXPECT_EQ(proto.delivery().status(), v1::DELIVERY_STATUS_STARTED);
  EXPECT_EQ(proto.delivery().version(), 1);
  EXPECT_EQ(platform::rpc::FromProto(proto.delivery().create_date()), kNoon);
  EXPECT_EQ(platform::rpc::FromProto(proto.delivery().modified_date()), kNoon);
}

TEST(DeliveryEventsTest, TheEndIsTold) {
  Delivery delivery = Delivery::Restore(Started().data());
  delivery.Complete(kLater);
  const auto event = ToOutbox(delivery, kTrace);

  EXPECT_EQ(event.subject, "restaurant.delivery.delivered");
  EXPECT_EQ(event.type, "restaurant.delivery.v1.Delivered");
  EXPECT_EQ(event.version, 2);
  EXPECT_EQ(event.time, kLater);
  v1::Delivered proto;
  ASSERT_TRUE(proto.ParseFromString(event.payload));
  EXPECT_EQ(proto.by(), "courier");
  EXPECT_EQ(proto.delivery().status(), v1::DELIVERY_STATUS_DELIVERED);
  EXPECT_EQ(proto.delivery().version(), 2);
  EXPECT_EQ(platform::rpc::FromProto(proto.delivery().create_date()), kNoon);
  EXPECT_EQ(platform::rpc::FromProto(proto.delivery().modified_date()), kLater);
}

TEST(DeliveryEventsTest, EveryEventHasAnIdOfItsOwn) {
  EXPECT_NE(ToOutbox(Started(), "").event_id, ToOutbox(Started(), "").event_id);
}

}  // namespace
}  // namespace delivery
