#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/outbox.h"
#include "platform/events/retention.h"
#include "tests/integration/platform/events_fixture.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using test_support::IsOk;

class OutboxTest : public EventsTest {
 protected:
  // Deletes what is older than a day (outbox) and a month (inbox); returns the
  // number of steps.
  int Forget() {
    const Retention retention(absl::Hours(24), absl::Hours(24 * 30));
    pqxx::connection connection(db_.dsn());
    Retention::Prepare(connection);
    pqxx::nontransaction tx(connection);
    int steps = 1;
    while (retention.Step(tx)) ++steps;
    return steps;
  }
};

TEST_F(OutboxTest, KeepsEveryField) {
  OutboxEvent event = Event(1, 3, std::string("\0\xff\\x'\"{},", 9));
  event.traceparent = "00-0123-\"{}\\,'-01";

  ASSERT_THAT(AppendAll({event}), IsOk());

  EXPECT_EQ(db_.Value("SELECT event_id FROM outbox"), event.event_id);
  EXPECT_EQ(db_.Value("SELECT aggregate_id FROM outbox"), event.aggregate_id);
  EXPECT_EQ(db_.Value("SELECT version FROM outbox"), "3");
  EXPECT_EQ(db_.Value("SELECT subject FROM outbox"), event.subject);
  EXPECT_EQ(db_.Value("SELECT event_type FROM outbox"), event.type);
  EXPECT_EQ(db_.Value("SELECT encode(payload, 'hex') FROM outbox"),
            "00ff5c7827227b7d2c");
  EXPECT_EQ(db_.Value("SELECT traceparent FROM outbox"), event.traceparent);
  EXPECT_EQ(db_.Value("SELECT (extract(epoch FROM event_time) * "
                      "1000000)::bigint FROM outbox"),
            std::to_string(absl::ToUnixMicros(event.time)));
  EXPECT_EQ(db_.Value("SELECT published_at IS NULL AND stream_sequence IS NULL "
                      "FROM outbox"),
            "t");
}

TEST_F(OutboxTest, AVersionIsSaidOnce) {
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());

  EXPECT_EQ(AppendAll({Event(2, 1), Event(1, 1)}).code(),
            absl::StatusCode::kAlreadyExists);

  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox"), "1");
}

TEST_F(OutboxTest, OneStatementKeepsTheOrderOfItsEvents) {
  std::vector<OutboxEvent> events;
  for (int version = 1; version <= 200; ++version) {
    events.push_back(Event(1, version));
  }

  ASSERT_THAT(AppendAll(events), IsOk());

  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox AS a JOIN outbox AS b "
                      "ON a.version < b.version AND a.position > b.position"),
            "0");
}

TEST_F(OutboxTest, TellsOfCommitsOnly) {
  ASSERT_FALSE(committed_->Take());
  ASSERT_EQ(pool_
                .InTransaction([&](pqxx::work& tx) {
                  Append(tx, {Event(1, 1)});
                  return absl::AbortedError("changed my mind");
                })
                .code(),
            absl::StatusCode::kAborted);
  EXPECT_FALSE(committed_->Take());

  ASSERT_THAT(AppendAll({}), IsOk());
  ASSERT_THAT(AppendAll({Event(1, 1), Event(1, 2)}), IsOk());
  EXPECT_TRUE(committed_->Take());
  EXPECT_FALSE(committed_->Take());
}

TEST_F(OutboxTest, RetentionForgetsTheOldAndKeepsTheUnpublished) {
  ASSERT_THAT(AppendAll({Event(1, 1), Event(1, 2), Event(1, 3)}), IsOk());
  db_.Exec(
      "UPDATE outbox SET event_time = now() - interval '9 days';"
      "UPDATE outbox SET published_at = now() - interval '2 days' "
      "WHERE version = 1;"
      "UPDATE outbox SET published_at = now() - interval '2 hours' "
      "WHERE version = 2");

  Forget();

  EXPECT_EQ(db_.Value("SELECT string_agg(version::text, ',' ORDER BY version) "
                      "FROM outbox"),
            "2,3");
}

TEST_F(OutboxTest, RetentionForgetsOldInboxRowsAndWhatWasRedriven) {
  db_.Exec(R"sql(
      INSERT INTO inbox SELECT 'd', gen_random_uuid(), now() - age
      FROM unnest('{1 day,29 days,31 days}'::interval[]) AS age;
      INSERT INTO attempts SELECT 'd', age::text, 1, now() - age
      FROM unnest('{1 day,29 days,31 days}'::interval[]) AS age;
      INSERT INTO dead_letters (durable, stream, stream_sequence, event_id,
          subject, headers, payload, reason, parked_at, redriven_at)
      SELECT 'd', 's', 1, age::text, '', '{}'::jsonb, ''::bytea, '',
             now() - interval '90 days', now() - age
      FROM unnest('{1 day,31 days,NULL}'::interval[]) AS age
      WHERE age IS NOT NULL
      UNION ALL
      SELECT 'd', 's', 1, 'never redriven', '', '{}'::jsonb, ''::bytea, '',
             now() - interval '90 days', NULL)sql");

  Forget();

  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "2");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM attempts"), "2");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM dead_letters"), "2");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM dead_letters "
                      "WHERE redriven_at IS NULL"),
            "1");
}

TEST_F(OutboxTest, RetentionGoesInSmallSteps) {
  db_.Exec(
      "INSERT INTO inbox SELECT 'd', gen_random_uuid(), "
      "now() - interval '40 days' FROM generate_series(1, 2500)");

  EXPECT_EQ(Forget(), 3);

  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "0");
}

}  // namespace
}  // namespace platform::events
