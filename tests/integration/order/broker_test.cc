// The order service with a real broker: what it says arrives, what it hears is
// applied once.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"

#include "order/adapters/cook_events.h"
#include "order/adapters/delivery_events.h"
#include "platform/events/consumer.h"
#include "platform/events/jetstream.h"
#include "platform/events/outbox_relay.h"
#include "platform/uuid/uuid.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/integration/order/order_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"

namespace order {
namespace {

using platform::events::InMessage;
using platform::events::JetStream;
using platform::events::OutMessage;
using test_support::Eventually;
using test_support::IsOk;

class BrokerTest : public OrderFixture {
 protected:
  BrokerTest() {
    test_support::Provision(
        nats_.url(), {"order/jetstream.json", "cook/jetstream.json",
                      "delivery/jetstream.json", "mypage/jetstream.json"});
    jetstream_ = std::move(
        *JetStream::Connect({.url = nats_.url(), .name = "order-test"}));
    relay_.emplace(
        platform::events::RelayOptions{
            .dsn = db_.dsn(), .stream = "ORDER", .source = "order"},
        *jetstream_);
    cook_events_.emplace(
        pool_, *jetstream_,
        platform::events::ConsumerOptions{.stream = "COOK", .durable = "order"},
        HandleCookEvents);
    delivery_events_.emplace(pool_, *jetstream_,
                             platform::events::ConsumerOptions{
                                 .stream = "DELIVERY", .durable = "order"},
                             HandleDeliveryEvents);
  }

  template <typename EventT>
  static OutMessage ToMessage(const EventT& event, const std::string& subject,
                              const std::string& order_id) {
    const std::string event_id = platform::NewUuid(platform::Now());
    return {.subject = subject,
            .headers = {{"ce-id", event_id},
                        {"ce-type", event.GetDescriptor()->full_name()},
                        {"ce-source", "test"},
                        {"ce-subject", order_id},
                        {"ce-time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ",
                                                     platform::Now(),
                                                     absl::UTCTimeZone())},
                        {"ce-specversion", "1.0"},
                        {"ce-aggregateversion", "2"}},
            .payload = event.SerializeAsString()};
  }
  static OutMessage CookCancelled(const std::string& order_id) {
    restaurant::cook::v1::CookCancelled event;
    event.mutable_ticket()->set_order_id(order_id);
    event.set_reason("closed");
    event.set_by("operator");
    return ToMessage(event, "restaurant.cook.cancelled", order_id);
  }
  static OutMessage Delivered(const std::string& order_id) {
    restaurant::delivery::v1::Delivered event;
    event.mutable_delivery()->set_order_id(order_id);
    event.set_by("courier");
    return ToMessage(event, "restaurant.delivery.delivered", order_id);
  }
  void Publish(const std::vector<OutMessage>& messages) {
    for (const auto& ack :
         jetstream_->PublishAll(messages, absl::Seconds(10))) {
      ASSERT_THAT(ack.status(), IsOk());
    }
  }
  bool Becomes(const std::string& id, const std::string& status) {
    return Eventually(absl::Seconds(10),
                      [&] { return StatusInTable(id) == status; });
  }
  // Those of the stream ORDER, in order.
  std::vector<InMessage> Heard(size_t count) {
    auto pull = std::move(*jetstream_->PullFrom("ORDER", "mypage"));
    std::vector<InMessage> heard;
    Eventually(absl::Seconds(10), [&] {
      auto more = pull->Next(100, absl::Milliseconds(100));
      if (more.ok()) {
        for (InMessage& message : *more) heard.push_back(std::move(message));
      }
      return heard.size() >= count;
    });
    return heard;
  }

  test_support::NatsServer nats_;
  std::unique_ptr<JetStream> jetstream_;
  std::optional<platform::events::OutboxRelay> relay_;
  std::optional<platform::events::Consumer> cook_events_;
  std::optional<platform::events::Consumer> delivery_events_;
};

TEST_F(BrokerTest, WhatWasPlacedAndCancelledIsSaidInOrder) {
  const std::string id = PlaceOne();
  ASSERT_THAT(Cancel(id, "why").status(), IsOk());
  const std::vector<InMessage> heard = Heard(2);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0].subject, "restaurant.order.ordered");
  EXPECT_EQ(heard[0].Header("ce-type"), "restaurant.order.v1.Ordered");
  EXPECT_EQ(heard[0].Header("ce-source"), "order");
  EXPECT_EQ(heard[0].Header("ce-subject"), id);
  EXPECT_EQ(heard[0].Header("ce-aggregateversion"), "1");
  EXPECT_EQ(heard[0].Header("ce-id"), heard[0].Header("Nats-Msg-Id"));
  EXPECT_EQ(heard[0].Header("traceparent").size(), 55U);
  EXPECT_EQ(heard[1].subject, "restaurant.order.cancelled");
  EXPECT_EQ(heard[1].Header("ce-aggregateversion"), "2");
  v1::OrderCancelled event;
  ASSERT_TRUE(event.ParseFromString(heard[1].payload));
  EXPECT_EQ(event.order().SerializeAsString(), Get(id)->SerializeAsString());
  EXPECT_EQ(event.reason(), "why");
  EXPECT_EQ(event.by(), "customer");
}

TEST_F(BrokerTest, AnOperatorsCancelArrives) {
  const std::string id = PlaceOne();
  Publish({CookCancelled(id)});
  EXPECT_TRUE(Becomes(id, "CANCELLED"));
  EXPECT_EQ(Get(id)->reason(), "closed");
  EXPECT_EQ(Said(id), "ordered,cancelled");
}

TEST_F(BrokerTest, EveryMessageFiveTimesMoreChangesNothing) {
  const std::string id = PlaceOne();
  // No message id, so the broker's own net does not help.
  const OutMessage message = Delivered(id);
  Publish({message});
  ASSERT_TRUE(Becomes(id, "COMPLETED"));
  const std::string before = Get(id)->SerializeAsString();
  Publish({message, message, message, message, message});
  const std::string next = PlaceOne();
  Publish({Delivered(next)});
  ASSERT_TRUE(Becomes(next, "COMPLETED"));
  EXPECT_EQ(Get(id)->SerializeAsString(), before);
  EXPECT_EQ(Said(id), "ordered,completed");
}

TEST_F(BrokerTest, GarbageIsParkedAndTheNextIsUnaffected) {
  const std::string id = PlaceOne();
  OutMessage garbage = Delivered(id);
  garbage.payload = "\xff\xff garbage";
  Publish({garbage, Delivered(id)});
  EXPECT_TRUE(Becomes(id, "COMPLETED"));
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value("SELECT count(*) FROM dead_letters") == "1";
  }));
  EXPECT_NE(db_.Value("SELECT reason FROM dead_letters"), "");
}

// What the state machine forbids is parked, visible, and changes nothing.
TEST_F(BrokerTest, AConflictIsParked) {
  const std::string id = PlaceOne();
  Publish({CookCancelled(id)});
  ASSERT_TRUE(Becomes(id, "CANCELLED"));
  Publish({Delivered(id)});
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value("SELECT count(*) FROM dead_letters") == "1";
  }));
  EXPECT_EQ(Said(id), "ordered,cancelled");
}

// An event that overtakes its order is repeated until the order is there.
TEST_F(BrokerTest, AnEventThatComesTooEarlyWaits) {
  const absl::Time now = platform::Now();
  const std::string id = platform::NewUuid(now);
  Publish({CookCancelled(id)});
  absl::SleepFor(absl::Milliseconds(300));
  db_.Exec(absl::StrCat(
      "INSERT INTO orders (order_id, customer_id, restaurant_id, "
      "restaurant_menu_id, qty, status, version, created_at, modified_at) "
      "VALUES ('",
      id, "', 1, 2, 3, 4, 'ORDERED', 1, now(), now())"));
  EXPECT_TRUE(Becomes(id, "CANCELLED"));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM dead_letters"), "0");
}

TEST_F(BrokerTest, OrdersAreTakenWhileTheBrokerIsAway) {
  nats_.Stop();
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(PlaceOne());
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox WHERE published_at IS NULL"),
            "10");
  nats_.Start();
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value(
               "SELECT count(*) FROM outbox WHERE published_at IS NULL") == "0";
  }));
  EXPECT_EQ(Heard(10).size(), 10U);
}

}  // namespace
}  // namespace order
