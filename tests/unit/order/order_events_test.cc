#include "order/adapters/order_events.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "order/adapters/order_proto.h"
#include "platform/grpc/time.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/unit/order/examples.h"

namespace order {
namespace {

Fact Told(decltype(Fact::what) what) {
  OrderState after =
      Order::Place(platform::NewUuid(kNow), {1, 2, 3, 4}, kNow).state();
  after.version = 9;
  after.reason = "because";
  return {std::move(what), after};
}

// Checks what all events have in common and returns the payload.
template <typename MessageT>
MessageT Read(const Fact& fact, const std::string& subject,
              const std::string& type) {
  const auto event = ToEvent(fact, "00-trace-span-01");
  EXPECT_EQ(event.subject, subject);
  EXPECT_EQ(event.type, type);
  EXPECT_EQ(event.aggregate_id, fact.after.id);
  EXPECT_EQ(event.version, 9);
  EXPECT_EQ(event.time, kNow);
  EXPECT_EQ(event.traceparent, "00-trace-span-01");
  EXPECT_TRUE(platform::ParseUuid(event.event_id).has_value());
  EXPECT_NE(event.event_id, ToEvent(fact, "").event_id);
  MessageT message;
  EXPECT_TRUE(message.ParseFromString(event.payload));
  EXPECT_EQ(message.order().order_id(), fact.after.id);
  EXPECT_EQ(message.order().customer_id(), 1);
  EXPECT_EQ(message.order().restaurant_id(), 2);
  EXPECT_EQ(message.order().restaurant_menu_id(), 3);
  EXPECT_EQ(message.order().qty(), 4);
  EXPECT_EQ(message.order().version(), 9);
  EXPECT_EQ(message.order().reason(), "because");
  EXPECT_EQ(platform::rpc::FromProto(message.order().create_date()), kNow);
  return message;
}

TEST(OrderEventsTest, EveryFactHasItsEvent) {
  Read<v1::Ordered>(Told(Ordered{}), "restaurant.order.ordered",
                    "restaurant.order.v1.Ordered");

  const auto pending = Read<v1::OrderCancelPending>(
      Told(CancelPending{"r", "customer"}), "restaurant.order.cancel_pending",
      "restaurant.order.v1.OrderCancelPending");
  EXPECT_EQ(pending.reason(), "r");
  EXPECT_EQ(pending.by(), "customer");

  const auto refused = Read<v1::OrderCancelRefused>(
      Told(CancelRefused{"ALREADY_COOKED", "kitchen"}),
      "restaurant.order.cancel_refused",
      "restaurant.order.v1.OrderCancelRefused");
  EXPECT_EQ(refused.reason(), "ALREADY_COOKED");
  EXPECT_EQ(refused.by(), "kitchen");

  const auto cancelled = Read<v1::OrderCancelled>(
      Told(Cancelled{"r", "operator"}), "restaurant.order.cancelled",
      "restaurant.order.v1.OrderCancelled");
  EXPECT_EQ(cancelled.reason(), "r");
  EXPECT_EQ(cancelled.by(), "operator");

  const auto rejected = Read<v1::OrderRejected>(
      Told(Rejected{"QUANTITY_OVER", "kitchen"}), "restaurant.order.rejected",
      "restaurant.order.v1.OrderRejected");
  EXPECT_EQ(rejected.reason(), "QUANTITY_OVER");
  EXPECT_EQ(rejected.by(), "kitchen");

  const auto completed = Read<v1::OrderCompleted>(
      Told(Completed{"courier"}), "restaurant.order.completed",
      "restaurant.order.v1.OrderCompleted");
  EXPECT_EQ(completed.by(), "courier");
}

TEST(OrderProtoTest, StatusesTranslateBothWays) {
  for (OrderStatus status :
       {OrderStatus::kOrdered, OrderStatus::kCompleted, OrderStatus::kRejected,
        OrderStatus::kCancelled, OrderStatus::kCancelPending}) {
    EXPECT_EQ(FromProto(ToProto(status)), status);
    EXPECT_EQ(v1::OrderStatus_Name(ToProto(status)),
              "ORDER_STATUS_" + std::string(Name(status)));
  }
}

}  // namespace
}  // namespace order
