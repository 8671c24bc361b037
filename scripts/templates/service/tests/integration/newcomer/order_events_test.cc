// Orders' events → rows, on a real Postgres and a real nats-server.

#include "newcomer/adapters/order_events.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "newcomer/adapters/pg_heard_order_store.h"
#include "newcomer/migrations/migrations.h"
#include "platform/events/consumer.h"
#include "platform/events/inbox.h"
#include "platform/events/jetstream.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace newcomer {
namespace {

namespace v1 = ::restaurant::order::v1;
using ::platform::events::Message;
using ::test_support::Eventually;
using ::test_support::IsOk;

v1::Order Order(const std::string& id, v1::OrderStatus status, int version) {
  v1::Order order;
  order.set_order_id(id);
  order.set_customer_id(7);
  order.set_status(status);
  order.set_version(version);
  return order;
}

template <typename EventT>
Message Event(const v1::Order& order) {
  EventT event;
  *event.mutable_order() = order;
  Message message;
  message.event_id = platform::NewUuid(platform::Now());
  message.type = EventT::descriptor()->full_name();
  message.source = "order";
  message.aggregate_id = order.order_id();
  message.version = order.version();
  message.time = platform::Now();
  message.payload = event.SerializeAsString();
  return message;
}

// `message` as the order service's relay publishes it.
platform::events::OutMessage OnTheWire(const Message& message,
                                       const std::string& subject) {
  return {.subject = subject,
          .headers = {{"Nats-Msg-Id", message.event_id},
                      {"ce-id", message.event_id},
                      {"ce-type", message.type},
                      {"ce-source", message.source},
                      {"ce-subject", message.aggregate_id},
                      {"ce-time", "2026-01-02T03:04:05.000006Z"},
                      {"ce-specversion", "1.0"},
                      {"ce-aggregateversion", absl::StrCat(message.version)},
                      {"content-type", "application/protobuf"}},
          .payload = message.payload};
}

class OrderEventsTest : public testing::Test {
 protected:
  absl::Status Apply(const std::vector<Message>& messages) {
    return platform::events::ApplyOnce(pool_, "newcomer", messages,
                                       HandleOrderEvents);
  }
  std::string Row(const std::string& id) const {
    return db_.Value(absl::StrCat(
        "SELECT concat_ws(' ', customer_id, status, version) FROM heard_orders "
        "WHERE order_id = '",
        id, "'"));
  }

  const std::string id_ = platform::NewUuid(platform::Now());
  const Message ordered_ =
      Event<v1::Ordered>(Order(id_, v1::ORDER_STATUS_ORDERED, 1));
  const Message cancelled_ =
      Event<v1::OrderCancelled>(Order(id_, v1::ORDER_STATUS_CANCELLED, 2));
  const test_support::TestDatabase db_{Migrations()};
  platform::pg::Pool pool_{
      {.dsn = db_.dsn(), .connections = 2, .prepare = PrepareStatements}};
};

TEST_F(OrderEventsTest, TheRowIsTheSameWhateverOrderEventsComeIn) {
  ASSERT_THAT(Apply({ordered_}), IsOk());
  EXPECT_EQ(Row(id_), "7 ORDERED 1");
  ASSERT_THAT(Apply({cancelled_}), IsOk());
  EXPECT_EQ(Row(id_), "7 CANCELLED 2");

  // The older one again, by another event id: what came later stays.
  Message late = ordered_;
  late.event_id = platform::NewUuid(platform::Now());
  ASSERT_THAT(Apply({late}), IsOk());
  EXPECT_EQ(Row(id_), "7 CANCELLED 2");
}

TEST_F(OrderEventsTest, WhatCannotBeReadIsRefusedAndAnUnknownTypeIsNot) {
  Message garbage = ordered_;
  garbage.payload = "\xff garbage";
  EXPECT_TRUE(absl::IsInvalidArgument(Apply({garbage})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Apply({Event<v1::Ordered>(Order("x", v1::ORDER_STATUS_ORDERED, 1))})));

  Message future = ordered_;
  future.type = "restaurant.order.v1.OrderFramed";
  EXPECT_THAT(Apply({future}), IsOk());
  EXPECT_EQ(db_.Value("SELECT count(*) FROM heard_orders"), "0");
}

// What makes it easy to add a service: it catches up by itself.
TEST_F(OrderEventsTest, ItHearsWhatWasSaidBeforeItCame) {
  test_support::NatsServer nats;
  test_support::Provision(nats.url(),
                          {"order/jetstream.json", "cook/jetstream.json",
                           "delivery/jetstream.json"});
  auto jetstream = platform::events::JetStream::Connect(
      {.url = nats.url(), .name = "newcomer_test"});
  ASSERT_THAT(jetstream.status(), IsOk());
  ASSERT_TRUE(
      Eventually(absl::Seconds(5), [&] { return (*jetstream)->connected(); }));
  for (const auto& ack :
       (*jetstream)
           ->PublishAll({OnTheWire(ordered_, "restaurant.order.ordered"),
                         OnTheWire(cancelled_, "restaurant.order.cancelled")},
                        absl::Seconds(5))) {
    ASSERT_THAT(ack.status(), IsOk());
  }

  test_support::Provision(nats.url(), {SERVICE_DIR "/jetstream.json"});
  platform::events::Consumer consumer(
      pool_, **jetstream, {.stream = "ORDER", .durable = "newcomer"},
      HandleOrderEvents);

  EXPECT_TRUE(Eventually(absl::Seconds(20),
                         [&] { return Row(id_) == "7 CANCELLED 2"; }));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "2");
}

}  // namespace
}  // namespace newcomer
