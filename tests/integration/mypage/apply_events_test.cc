// Events → rows, on a real Postgres, by three consumers at once.

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "mypage/adapters/change_notice.h"
#include "mypage/migrations/migrations.h"
#include "platform/events/inbox.h"
#include "platform/metrics/metrics.h"
#include "platform/time/clock.h"
#include "tests/integration/mypage/lives.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace mypage {
namespace {

using ::platform::events::ApplyOnce;
using ::platform::events::Message;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

class ApplyEventsTest : public testing::Test {
 protected:
  std::string Rows() const { return db_.Value(kAllRows); }

  const test_support::TestDatabase db_{Migrations()};
  platform::pg::Pool pool_{{.name = "test",
                            .dsn = db_.dsn(),
                            .connections = 6,
                            .acquire_timeout = absl::Seconds(5),
                            .prepare = Prepare}};
};

TEST_F(ApplyEventsTest, ARowTellsTheWholeLife) {
  EXPECT_THAT(Apply(pool_, Life(OrderId(1), 0)), IsOk());

  EXPECT_EQ(
      db_.Value("SELECT concat_ws(' ', order_id, customer_id, restaurant_id, "
                "restaurant_menu_id, qty, order_status, cook_status, "
                "delivery_status, order_version, cook_version, "
                "delivery_version, version, created_at AT TIME ZONE 'UTC', "
                "modified_at AT TIME ZONE 'UTC') FROM mypage_views"),
      OrderId(1) +
          " 7 3 12 2 2 2 2 2 2 2 6 2026-07-04 12:00:00 "
          "2026-07-04 12:00:05");
  EXPECT_EQ(
      db_.Value("SELECT string_agg(split_part(line, E'\\t', 5), ' ') "
                "FROM mypage_views, string_to_table(timeline, E'\\n') line"),
      "ORDERED COOKING COOKED DELIVERY_STARTED DELIVERED COMPLETED");
}

TEST_F(ApplyEventsTest, RowsAreTheSameWhateverOrderEventsComeIn) {
  std::vector<Message> events = Lives(0, 60);
  ASSERT_THAT(Apply(pool_, events), IsOk());
  const std::string expected = Rows();
  std::mt19937 random(20260704);  // NOLINT: the same every time, on purpose

  for (size_t batch : {1U, 7U, 128U}) {
    db_.Exec("TRUNCATE mypage_views, inbox");
    std::shuffle(events.begin(), events.end(), random);
    ASSERT_THAT(Apply(pool_, events, batch), IsOk());
    EXPECT_EQ(Rows(), expected) << "in batches of " << batch;
  }
}

// As in the service: one consumer per stream, on the same rows, everything
// twice, in two replicas.
TEST_F(ApplyEventsTest, SixConsumersAtOnceDoNoHarm) {
  const std::vector<Message> events = Lives(0, 300);
  ASSERT_THAT(Apply(pool_, events), IsOk());
  const std::string expected = Rows();
  db_.Exec("TRUNCATE mypage_views, inbox");

  std::vector<std::thread> consumers;
  for (unsigned i = 0; i < 6; ++i) {
    consumers.emplace_back([&, i] {
      const char* const streams[] = {"ORDER", "COOK", "DELIVERY"};
      std::vector<Message> mine;
      for (const Message& message : events) {
        if (StreamOf(message) == streams[i % 3]) mine.push_back(message);
      }
      std::mt19937 random(i);  // NOLINT
      std::shuffle(mine.begin(), mine.end(), random);
      EXPECT_THAT(Apply(pool_, mine, 32), IsOk());
    });
  }
  for (std::thread& consumer : consumers) consumer.join();

  EXPECT_EQ(Rows(), expected);
  EXPECT_EQ(db_.Value("SELECT deadlocks FROM pg_stat_database "
                      "WHERE datname = current_database()"),
            "0");
}

TEST_F(ApplyEventsTest, EverythingFiveTimesMoreChangesNothing) {
  const std::vector<Message> events = Lives(0, 12);
  ASSERT_THAT(Apply(pool_, events), IsOk());
  const std::string expected = Rows();
  const std::string written = db_.Value(
      "SELECT string_agg(xmin::text, ' ' ORDER BY order_id) FROM mypage_views");

  for (int i = 0; i < 5; ++i) EXPECT_THAT(Apply(pool_, events, 3), IsOk());
  EXPECT_EQ(Rows(), expected);

  // And if the inbox has forgotten them.
  db_.Exec("TRUNCATE inbox");
  EXPECT_THAT(Apply(pool_, events), IsOk());
  EXPECT_EQ(Rows(), expected);
  EXPECT_EQ(db_.Value("SELECT string_agg(xmin::text, ' ' ORDER BY order_id) "
                      "FROM mypage_views"),
            written)
      << "rows were written for nothing";
}

TEST_F(ApplyEventsTest, WatchersAreToldOfWhatChanged) {
  constexpr int32_t kCustomer = 2'147'483'647;
  Ear ear(db_.dsn());
  std::vector<Message> first;
  std::vector<std::string> expected;
  for (int i = 0; i < 512; ++i) {
    first.push_back(Life(OrderId(i), 0, kCustomer).front());
    expected.push_back(absl::StrCat(OrderId(i), " ", kCustomer));
  }

  // Postgres refuses payloads of 8000 bytes and more.
  EXPECT_THAT(Apply(pool_, first, first.size()), IsOk());

  std::vector<std::string> told;
  for (const std::string& payload : ear.Take()) {
    for (const ChangeNotice::Change& each : ParsePayload(payload).changes) {
      told.push_back(absl::StrCat(each.order_id, " ", each.customer_id));
    }
  }
  EXPECT_THAT(told, UnorderedElementsAreArray(expected));

  EXPECT_THAT(Apply(pool_, {Life(OrderId(3), 0, kCustomer)[1]}), IsOk());
  EXPECT_THAT(ear.Take(),
              ElementsAre(absl::StrCat(OrderId(3), ":", kCustomer)));

  db_.Exec("DELETE FROM inbox");
  EXPECT_THAT(Apply(pool_, first), IsOk());
  EXPECT_THAT(ear.Take(), IsEmpty()) << "nothing has changed";
}

TEST_F(ApplyEventsTest, WhatNeedNotBeKnownIsLeftAlone) {
  Message message = Life(OrderId(1), 0).front();
  message.type = "restaurant.order.v1.OrderTippedFor";

  EXPECT_THAT(Apply(pool_, {message}), IsOk());

  EXPECT_EQ(Rows(), "");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "1");
}

TEST_F(ApplyEventsTest, OneThatCannotBeReadLeavesNoTrace) {
  std::vector<Message> events = Life(OrderId(1), 0);
  events[0].payload = "\xff\xff";

  EXPECT_THAT(
      ApplyOnce(pool_, "mypage", {events.data(), 1}, HandlerOf("ORDER")),
      Fails(absl::StatusCode::kInvalidArgument));

  EXPECT_EQ(Rows(), "");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "0");
}

TEST_F(ApplyEventsTest, SaysHowFarBehindItIs) {
  namespace metrics = platform::metrics;
  const auto lag = [](const char* source) {
    return metrics::Gauge(
               "projection_lag_seconds",
               "Age of the newest event when events were applied last.",
               {{"source", source}})
        .Value();
  };
  const auto counted = [](const char* source) {
    return metrics::Seconds("projection_apply_delay_seconds",
                            "Age of events when they were applied.",
                            {{"source", source}})
        .Collect()
        .histogram.sample_count;
  };
  constexpr const char* kSources[] = {"order", "cook", "delivery"};
  std::map<std::string, uint64_t> before;
  for (const char* source : kSources) before[source] = counted(source);
  std::vector<Message> events = Life(OrderId(1), 0);
  for (Message& event : events) {
    event.time = platform::Now() - absl::Hours(1);
  }

  ASSERT_THAT(Apply(pool_, events), IsOk());

  for (const char* source : kSources) {
    EXPECT_NEAR(lag(source), 3600, 60) << source;
    EXPECT_EQ(counted(source), before[source] + 2) << source;
  }
}

}  // namespace
}  // namespace mypage
