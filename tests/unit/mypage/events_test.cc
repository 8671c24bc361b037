// Every event of the three publishers, as mypage reads it.

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "mypage/adapters/cook_events.h"
#include "mypage/adapters/delivery_events.h"
#include "mypage/adapters/order_events.h"
#include "platform/grpc/time.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/unit/mypage/lives.h"

namespace mypage {
namespace {

namespace order_v1 = ::restaurant::order::v1;
namespace cook_v1 = ::restaurant::cook::v1;
namespace delivery_v1 = ::restaurant::delivery::v1;
using platform::events::Message;

constexpr char kEventId[] = "0197e3b0-0000-7000-8000-0000000e0001";

template <typename EventT>
Message MessageOf(const EventT& event) {
  Message message;
  message.event_id = kEventId;
  message.type = event.GetDescriptor()->full_name();
  message.aggregate_id = kOrderId;
  message.time = kNoon + absl::Seconds(1);
  message.payload = event.SerializeAsString();
  return message;
}

template <typename EventT>
EventT OrderEvent(order_v1::OrderStatus status, int version) {
  EventT event;
  order_v1::Order* order = event.mutable_order();
  order->set_order_id(kOrderId);
  order->set_customer_id(7);
  order->set_restaurant_id(3);
  order->set_restaurant_menu_id(12);
  order->set_qty(2);
  order->set_status(status);
  order->set_version(version);
  *order->mutable_create_date() = platform::rpc::ToProto(kNoon);
  if constexpr (requires { event.set_by(""); }) event.set_by("somebody");
  if constexpr (requires { event.set_reason(""); }) event.set_reason("because");
  return event;
}

template <typename EventT>
EventT CookEvent(cook_v1::TicketStatus status, int version) {
  EventT event;
  cook_v1::Ticket* ticket = event.mutable_ticket();
  ticket->set_order_id(kOrderId);
  ticket->set_customer_id(7);
  ticket->set_restaurant_id(3);
  ticket->set_restaurant_menu_id(12);
  ticket->set_qty(2);
  ticket->set_status(status);
  ticket->set_version(version);
  event.set_by("somebody");
  if constexpr (requires { event.set_reason(""); }) event.set_reason("because");
  return event;
}

template <typename EventT>
EventT DeliveryEvent(delivery_v1::DeliveryStatus status, int version) {
  EventT event;
  delivery_v1::Delivery* delivery = event.mutable_delivery();
  delivery->set_order_id(kOrderId);
  delivery->set_customer_id(7);
  delivery->set_restaurant_id(3);
  delivery->set_restaurant_menu_id(12);
  delivery->set_qty(2);
  delivery->set_status(status);
  delivery->set_version(version);
  event.set_by("somebody");
  return event;
}

void Expect(const absl::StatusOr<std::optional<Heard>>& heard, Source source,
            int version, int state, absl::string_view status,
            absl::string_view by, absl::string_view reason) {
  SCOPED_TRACE(std::string(status));
  ASSERT_TRUE(heard.ok()) << heard.status();
  ASSERT_TRUE(heard->has_value());
  EXPECT_EQ((*heard)->order_id, kOrderId);
  Header header{7, 3, 12, 2, std::nullopt};
  if (source == Source::kOrder) header.created = kNoon;
  EXPECT_EQ((*heard)->header, header);
  const Entry expected{.event_id = kEventId,
                       .source = source,
                       .version = version,
                       .state = state,
                       .status = std::string(status),
                       .at = kNoon + absl::Seconds(1),
                       .by = std::string(by),
                       .reason = std::string(reason)};
  EXPECT_EQ((*heard)->entry, expected);
}

TEST(OrderEventsTest, ReadsEveryEvent) {
  using namespace order_v1;  // NOLINT: six messages and five constants of it
  const auto decode = [](const auto& event) {
    return DecodeOrderEvent(MessageOf(event));
  };
  Expect(decode(OrderEvent<Ordered>(ORDER_STATUS_ORDERED, 1)), Source::kOrder,
         1, 1, "ORDERED", "customer", "");
  Expect(decode(OrderEvent<OrderCancelPending>(ORDER_STATUS_CANCEL_PENDING, 2)),
         Source::kOrder, 2, 5, "CANCEL_PENDING", "somebody", "because");
  Expect(decode(OrderEvent<OrderCancelRefused>(ORDER_STATUS_ORDERED, 3)),
         Source::kOrder, 3, 1, "CANCEL_REFUSED", "somebody", "because");
  Expect(decode(OrderEvent<OrderCancelled>(ORDER_STATUS_CANCELLED, 2)),
         Source::kOrder, 2, 4, "CANCELLED", "somebody", "because");
  Expect(decode(OrderEvent<OrderRejected>(ORDER_STATUS_REJECTED, 2)),
         Source::kOrder, 2, 3, "REJECTED", "somebody", "because");
  Expect(decode(OrderEvent<OrderCompleted>(ORDER_STATUS_COMPLETED, 2)),
         Source::kOrder, 2, 2, "COMPLETED", "somebody", "");
}

TEST(CookEventsTest, ReadsEveryEvent) {
  using namespace cook_v1;  // NOLINT
  const auto decode = [](const auto& event) {
    return DecodeCookEvent(MessageOf(event));
  };
  Expect(decode(CookEvent<CookStarted>(TICKET_STATUS_COOKING, 1)),
         Source::kCook, 1, 1, "COOKING", "somebody", "");
  Expect(decode(CookEvent<Cooked>(TICKET_STATUS_COOKED, 2)), Source::kCook, 2,
         2, "COOKED", "somebody", "");
  Expect(decode(CookEvent<CookCancelled>(TICKET_STATUS_CANCELLED, 2)),
         Source::kCook, 2, 3, "COOK_CANCELLED", "somebody", "because");
  Expect(decode(CookEvent<CookQtyChecked>(TICKET_STATUS_REJECTED, 1)),
         Source::kCook, 1, 4, "QTY_OVER", "somebody", "because");
}

TEST(DeliveryEventsTest, ReadsEveryEvent) {
  using namespace delivery_v1;  // NOLINT
  const auto decode = [](const auto& event) {
    return DecodeDeliveryEvent(MessageOf(event));
  };
  Expect(decode(DeliveryEvent<DeliveryStarted>(DELIVERY_STATUS_STARTED, 1)),
         Source::kDelivery, 1, 1, "DELIVERY_STARTED", "somebody", "");
  Expect(decode(DeliveryEvent<Delivered>(DELIVERY_STATUS_DELIVERED, 2)),
         Source::kDelivery, 2, 2, "DELIVERED", "somebody", "");
}

// Adding an event type to a publisher is not a mistake.
TEST(EventsTest, ATypeThatWeDoNotKnowIsLeftAlone) {
  Message message = MessageOf(
      OrderEvent<order_v1::Ordered>(order_v1::ORDER_STATUS_ORDERED, 1));
  message.type = "restaurant.order.v1.OrderTippedFor";
  message.payload = "\xff not a message \xff";

  for (const auto& decode :
       {DecodeOrderEvent, DecodeCookEvent, DecodeDeliveryEvent}) {
    const auto heard = decode(message);
    ASSERT_TRUE(heard.ok());
    EXPECT_FALSE(heard->has_value());
  }
}

TEST(EventsTest, AStatusThatWeDoNotKnowTravelsOn) {
  const auto heard =
      DecodeOrderEvent(MessageOf(OrderEvent<order_v1::OrderCancelled>(
          static_cast<order_v1::OrderStatus>(2147483647), 2)));

  Expect(heard, Source::kOrder, 2, 2147483647, "CANCELLED", "somebody",
         "because");
}

TEST(EventsTest, WhatCannotBeReadIsRefused) {
  const order_v1::Ordered good =
      OrderEvent<order_v1::Ordered>(order_v1::ORDER_STATUS_ORDERED, 1);
  const auto refused = [](const Message& message) {
    return absl::IsInvalidArgument(DecodeOrderEvent(message).status());
  };

  Message garbage = MessageOf(good);
  garbage.payload = "\xff\xff\xff";
  EXPECT_TRUE(refused(garbage));

  Message bad_event_id = MessageOf(good);
  bad_event_id.event_id = "1";
  EXPECT_TRUE(refused(bad_event_id));

  order_v1::Ordered bad_order_id = good;
  bad_order_id.mutable_order()->set_order_id("'; DROP TABLE mypage_views; --");
  EXPECT_TRUE(refused(MessageOf(bad_order_id)));

  order_v1::Ordered no_version = good;
  no_version.mutable_order()->clear_version();
  EXPECT_TRUE(refused(MessageOf(no_version)));

  EXPECT_TRUE(refused(MessageOf(order_v1::Ordered())));
}

TEST(EventsTest, IdsAreReadInCanonicalForm) {
  order_v1::Ordered shouting =
      OrderEvent<order_v1::Ordered>(order_v1::ORDER_STATUS_ORDERED, 1);
  shouting.mutable_order()->set_order_id(
      "0197E3B0-0000-7000-8000-00000000000A");

  const auto heard = DecodeOrderEvent(MessageOf(shouting));

  ASSERT_TRUE(heard.ok());
  EXPECT_EQ((*heard)->order_id, "0197e3b0-0000-7000-8000-00000000000a");
}

}  // namespace
}  // namespace mypage
