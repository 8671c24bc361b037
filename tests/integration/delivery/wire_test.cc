// From the kitchen's stream to our own: real nats-server, real Postgres, and
// everything between them as main.cc wires it.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "delivery/adapters/cook_events.h"
#include "platform/events/consumer.h"
#include "platform/events/jetstream.h"
#include "platform/events/outbox_relay.h"
#include "platform/time/clock.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "tests/integration/delivery/courier.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/status_matchers.h"

namespace delivery {
namespace {

namespace events = platform::events;
using test_support::Eventually;
using test_support::IsOk;

// `message` as the kitchen's relay publishes it.
events::OutMessage OnTheWire(const events::Message& message,
                             const std::string& message_id) {
  return {.subject = message.subject,
          .headers = {{"Nats-Msg-Id", message_id},
                      {"ce-id", message.event_id},
                      {"ce-type", message.type},
                      {"ce-source", message.source},
                      {"ce-subject", message.aggregate_id},
                      {"ce-time", "2026-01-02T03:04:05.000006Z"},
                      {"ce-specversion", "1.0"},
                      {"ce-aggregateversion", absl::StrCat(message.version)},
                      {"traceparent", message.traceparent},
                      {"content-type", "application/protobuf"}},
          .payload = message.payload};
}

class WireTest : public ::testing::Test {
 protected:
  WireTest() {
    test_support::Provision(nats_.url(),
                            {"order/jetstream.json", "cook/jetstream.json",
                             "delivery/jetstream.json"});
    jetstream_ =
        events::JetStream::Connect({.url = nats_.url(), .name = "test"})
            .value();
    EXPECT_TRUE(
        Eventually(absl::Seconds(5), [&] { return jetstream_->connected(); }));
  }

  void Publish(const events::Message& message, const std::string& message_id) {
    const auto acks = jetstream_->PublishAll({OnTheWire(message, message_id)},
                                             absl::Seconds(5));
    ASSERT_THAT(acks.at(0), IsOk());
  }

  std::string StreamInfo(const std::string& stream) {
    return jetstream_
        ->Api(absl::StrCat("STREAM.INFO.", stream), "", absl::Seconds(5))
        .value_or("");
  }

  test_support::NatsServer nats_;
  Courier courier_;
  std::unique_ptr<events::JetStream> jetstream_;
};

TEST_F(WireTest, WhatIsCookedStartsADeliveryAndTheWorldHears) {
  events::OutboxRelay relay(
      {.dsn = courier_.db().dsn(), .stream = "DELIVERY", .source = "delivery"},
      *jetstream_);
  events::Consumer consumer(courier_.pool(), *jetstream_,
                            {.stream = "COOK", .durable = "delivery"},
                            CookEvents(platform::Now));
  const Parcel parcel = NewParcel();

  Publish(Cooked(parcel), "1");

  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return courier_.db().Value(
               "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") ==
           "1";
  }));
  EXPECT_EQ(courier_.StatusOf(parcel), "STARTED");
  EXPECT_THAT(StreamInfo("DELIVERY"), ::testing::HasSubstr("\"messages\":1"));
}

TEST_F(WireTest, CapturedMessagesPublishedAgainChangeNothing) {
  events::Consumer consumer(courier_.pool(), *jetstream_,
                            {.stream = "COOK", .durable = "delivery"},
                            CookEvents(platform::Now));
  std::vector<events::Message> captured;
  for (const Parcel& parcel : NewParcels(10))
    captured.push_back(Cooked(parcel));
  for (int round = 0; round < 5; ++round) {
    for (const events::Message& message : captured) {
      // New message ids, so that the broker lets them through.
      Publish(message, absl::StrCat(round, message.event_id));
    }
  }
  const Parcel last = NewParcel();
  Publish(Cooked(last), "last");

  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] {
    return courier_.StatusOf(last) == "STARTED" &&
           courier_.Count("STARTED") == 11;
  }));
  courier_.ExpectEveryChangeWasToldOnce();
}

TEST_F(WireTest, GarbageIsParkedAndTheNextGoodOneIsDelivered) {
  events::Consumer consumer(courier_.pool(), *jetstream_,
                            {.stream = "COOK", .durable = "delivery"},
                            CookEvents(platform::Now));
  events::Message garbage = Cooked(NewParcel());
  garbage.payload = "\x08";
  const Parcel good = NewParcel();

  Publish(garbage, "garbage");
  Publish(Cooked(good), "good");

  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return courier_.StatusOf(good) == "STARTED" &&
           courier_.db().Value("SELECT count(*) FROM dead_letters") == "1";
  }));
  EXPECT_EQ(courier_.db().Value("SELECT subject FROM dead_letters"),
            "restaurant.cook.cooked");
}

// Nobody cooks for the courier what he does not listen to.
TEST_F(WireTest, OtherEventsOfTheKitchenAreNotHeard) {
  events::Consumer consumer(courier_.pool(), *jetstream_,
                            {.stream = "COOK", .durable = "delivery"},
                            CookEvents(platform::Now));
  events::Message other = Cooked(NewParcel());
  other.type = "restaurant.cook.v1.CookStarted";
  other.subject = "restaurant.cook.started";
  const Parcel good = NewParcel();

  Publish(other, "other");
  Publish(Cooked(good), "good");

  ASSERT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return courier_.StatusOf(good) == "STARTED"; }));
  EXPECT_EQ(courier_.db().Value("SELECT count(*) FROM inbox"), "1");
}

}  // namespace
}  // namespace delivery
