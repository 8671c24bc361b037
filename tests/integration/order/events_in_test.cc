// What the kitchen and the courier say, through inbox and handler.

#include <string>
#include <vector>

#include "gmock/gmock.h"

#include "order/adapters/cook_events.h"
#include "order/adapters/delivery_events.h"
#include "platform/events/inbox.h"
#include "platform/uuid/uuid.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "tests/integration/order/order_fixture.h"

namespace order {
namespace {

using platform::events::Message;
using test_support::Fails;
using test_support::IsOk;

class EventsInTest : public OrderFixture {
 protected:
  template <typename EventT>
  static Message ToMessage(const EventT& event, const std::string& subject) {
    Message message;
    message.event_id = platform::NewUuid(platform::Now());
    message.type = event.GetDescriptor()->full_name();
    message.payload = event.SerializeAsString();
    message.subject = subject;
    message.traceparent =
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    return message;
  }
  static Message QtyChecked(const std::string& id) {
    restaurant::cook::v1::CookQtyChecked event;
    event.mutable_ticket()->set_order_id(id);
    event.set_reason("QUANTITY_OVER");
    event.set_by("kitchen");
    return ToMessage(event, "restaurant.cook.qty_checked");
  }
  static Message CookCancelled(const std::string& id,
                               const std::string& by = "operator") {
    restaurant::cook::v1::CookCancelled event;
    event.mutable_ticket()->set_order_id(id);
    event.set_reason("out of gas");
    event.set_by(by);
    return ToMessage(event, "restaurant.cook.cancelled");
  }
  static Message Delivered(const std::string& id) {
    restaurant::delivery::v1::Delivered event;
    event.mutable_delivery()->set_order_id(id);
    event.set_by("courier");
    return ToMessage(event, "restaurant.delivery.delivered");
  }

  absl::Status Hear(const std::vector<Message>& messages) {
    return platform::events::ApplyOnce(
        pool_, "order", messages,
        messages[0].subject.find("cook") != std::string::npos
            ? HandleCookEvents
            : HandleDeliveryEvents);
  }
  void SetPending(const std::string& id) {
    cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
    ASSERT_EQ(Cancel(id)->status(), v1::ORDER_STATUS_CANCEL_PENDING);
  }
};

TEST_F(EventsInTest, ShortStockRejects) {
  const std::string id = PlaceOne();
  ASSERT_THAT(Hear({QtyChecked(id)}), IsOk());
  EXPECT_EQ(StatusInTable(id), "REJECTED");
  EXPECT_EQ(Get(id)->reason(), "QUANTITY_OVER");
  EXPECT_EQ(Said(id), "ordered,rejected");
  // The trace goes on.
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox WHERE subject = "
                      "'restaurant.order.rejected' AND traceparent LIKE "
                      "'00-0af7651916cd43dd8448eb211c80319c-%'"),
            "1");
}

TEST_F(EventsInTest, AnOperatorsCancelCancels) {
  const std::string id = PlaceOne();
  ASSERT_THAT(Hear({CookCancelled(id)}), IsOk());
  EXPECT_EQ(StatusInTable(id), "CANCELLED");
  EXPECT_EQ(Get(id)->reason(), "out of gas");
  EXPECT_EQ(Said(id), "ordered,cancelled");
}

TEST_F(EventsInTest, CookCancelledSettlesAPendingCancel) {
  const std::string id = PlaceOne();
  SetPending(id);
  ASSERT_THAT(Hear({CookCancelled(id, "customer")}), IsOk());
  EXPECT_EQ(StatusInTable(id), "CANCELLED");
  EXPECT_EQ(Said(id), "ordered,cancel_pending,cancelled");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders WHERE cancel_due_at IS NOT "
                      "NULL"),
            "0");
}

TEST_F(EventsInTest, APendingCancelCanBeTooLate) {
  const std::string rejected = PlaceOne();
  SetPending(rejected);
  ASSERT_THAT(Hear({QtyChecked(rejected)}), IsOk());
  EXPECT_EQ(Said(rejected), "ordered,cancel_pending,rejected");
  const std::string delivered = PlaceOne();
  SetPending(delivered);
  ASSERT_THAT(Hear({Delivered(delivered)}), IsOk());
  EXPECT_EQ(Said(delivered), "ordered,cancel_pending,completed");
}

TEST_F(EventsInTest, TheSameEventFiveTimesIsOne) {
  const std::string id = PlaceOne();
  const Message message = Delivered(id);
  for (int i = 0; i < 5; ++i) ASSERT_THAT(Hear({message}), IsOk());
  // Under other ids, too: the step is taken already.
  for (int i = 0; i < 5; ++i) ASSERT_THAT(Hear({Delivered(id)}), IsOk());
  ASSERT_THAT(Hear({Delivered(id), Delivered(id)}), IsOk());
  EXPECT_EQ(Said(id), "ordered,completed");
  EXPECT_EQ(db_.Value("SELECT version FROM orders"), "2");
}

TEST_F(EventsInTest, ALateEventIsRefusedByState) {
  const std::string id = PlaceOne();
  ASSERT_THAT(Hear({CookCancelled(id)}), IsOk());
  EXPECT_THAT(Hear({Delivered(id)}),
              Fails(absl::StatusCode::kFailedPrecondition, "ORDER_CANCELLED"));
  EXPECT_THAT(Hear({QtyChecked(id)}),
              Fails(absl::StatusCode::kFailedPrecondition, "ORDER_CANCELLED"));
  EXPECT_EQ(Said(id), "ordered,cancelled");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "1")
      << "what was not applied is not noted";
}

TEST_F(EventsInTest, AnUnknownOrderIsNotFound) {
  EXPECT_THAT(Hear({Delivered(platform::NewUuid(platform::Now()))}),
              Fails(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND"));
}

TEST_F(EventsInTest, ABatchIsAllOrNothing) {
  const std::string a = PlaceOne();
  const std::string b = PlaceOne();
  ASSERT_THAT(Hear({CookCancelled(a), QtyChecked(b)}), IsOk());
  EXPECT_EQ(StatusInTable(a), "CANCELLED");
  EXPECT_EQ(StatusInTable(b), "REJECTED");
  const std::string c = PlaceOne();
  EXPECT_FALSE(
      Hear({Delivered(c), Delivered(platform::NewUuid(platform::Now()))}).ok());
  EXPECT_EQ(StatusInTable(c), "ORDERED");
  EXPECT_EQ(Said(c), "ordered");
}

TEST_F(EventsInTest, WhatCannotBeReadIsInvalid) {
  Message garbage = Delivered(PlaceOne());
  garbage.payload = "\xff\xff\xff garbage";
  EXPECT_TRUE(absl::IsInvalidArgument(Hear({garbage})));
  EXPECT_TRUE(absl::IsInvalidArgument(Hear({Delivered("not a uuid")})));
  EXPECT_TRUE(absl::IsInvalidArgument(Hear({CookCancelled("")})));
  Message other = CookCancelled(PlaceOne());
  other.type = "restaurant.cook.v1.CookBurnt";
  EXPECT_TRUE(absl::IsInvalidArgument(Hear({other})));
}

}  // namespace
}  // namespace order
