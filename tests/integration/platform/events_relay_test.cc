#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/outbox_relay.h"
#include "platform/events/relay_session.h"
#include "platform/failpoint/failpoint.h"
#include "tests/integration/platform/events_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using test_support::Eventually;
using test_support::IsOk;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class RelayTest : public EventsTest {
 protected:
  bool EventuallyAllPublished(absl::Duration timeout = absl::Seconds(15)) {
    return Eventually(timeout, [&] { return AllPublished(); });
  }

  // Ends the session of the active relay, as a crash or a failover would.
  void KillActiveSession() {
    EXPECT_EQ(db_.Value("SELECT count(pg_terminate_backend(pid)) FROM pg_locks "
                        "WHERE locktype = 'advisory' AND granted AND database "
                        "= (SELECT oid FROM pg_database "
                        "   WHERE datname = current_database())"),
              "1");
  }
};

// Each aggregate's versions, in the order of the stream.
std::map<std::string, std::vector<int64_t>> ByAggregate(
    const std::vector<std::pair<std::string, int64_t>>& messages) {
  std::map<std::string, std::vector<int64_t>> result;
  for (const auto& [aggregate, version] : messages) {
    result[aggregate].push_back(version);
  }
  return result;
}

std::vector<int64_t> UpTo(int64_t last) {
  std::vector<int64_t> result;
  for (int64_t i = 1; i <= last; ++i) result.push_back(i);
  return result;
}

// A plan made while the table is small is kept when it has grown.
TEST_F(RelayTest, MarksByKeyAndNotByGoingThroughAllThatWait) {
  const auto entries_read = [this] {
    return std::stoi(
        db_.Value("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes "
                  "WHERE relname = 'outbox'"));
  };
  std::vector<OutboxEvent> few;
  for (int i = 0; i < 100; ++i) few.push_back(Event(i, 1));
  ASSERT_THAT(AppendAll(few), IsOk());
  db_.Exec("UPDATE outbox SET published_at = now(), stream_sequence = 1");
  db_.Exec("VACUUM ANALYZE outbox");
  int before = 0;
  {
    RelaySession session(db_.dsn());
    const auto mark_oldest = [&session] {
      const std::vector<OutboxRow> rows = session.Unpublished(1, "test", {});
      session.Acknowledged({{rows.at(0).event_id, 1}});
      session.WriteMarks("TEST");
    };
    ASSERT_THAT(AppendAll({Event(100, 1)}), IsOk());
    mark_oldest();
    std::vector<OutboxEvent> many;
    for (int i = 0; i < 1000; ++i) many.push_back(Event(101 + i, 1));
    ASSERT_THAT(AppendAll(many), IsOk());
    before = entries_read();
    for (int i = 0; i < 10; ++i) mark_oldest();
  }  // its end makes its statistics known
  ASSERT_TRUE(Eventually(absl::Seconds(5), [this] {
    return db_.Value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = "
               "current_database() AND query LIKE '%outbox_stream%' AND pid <> "
               "pg_backend_pid()") == "0";
  }));

  EXPECT_TRUE(
      Eventually(absl::Seconds(5), [&] { return entries_read() > before; }));
  EXPECT_LT(entries_read() - before, 1000);
}

TEST_F(RelayTest, WhatWasPublishedAndNotMarkedIsPublishedAgainUnderItsId) {
  ASSERT_THAT(AppendAll({Event(1, 1), Event(2, 1)}), IsOk());
  ASSERT_THAT(failpoint::Arm("relay.before_mark=error(UNAVAILABLE)@nth:1"),
              IsOk());
  RecordingJetStream recording(*jetstream_);
  const double before = std::max(Metric("outbox_duplicates_total"), 0.0);

  OutboxRelay relay(Relay(), recording);
  ASSERT_TRUE(EventuallyAllPublished());
  failpoint::DisarmAll();

  EXPECT_EQ(recording.published(), 4);
  EXPECT_EQ(recording.duplicates(), 2);
  EXPECT_EQ(Metric("outbox_duplicates_total") - before, 2);
  EXPECT_EQ(Messages().size(), 2);
}

TEST_F(RelayTest, WhatWasPublishedAndIsNotMarkedYetIsNotPublishedAgain) {
  RecordingJetStream recording(*jetstream_);
  OutboxRelay relay(Relay(), recording);
  for (int i = 1; i <= 20; ++i) {
    ASSERT_THAT(AppendAll({Event(1, i)}), IsOk());
    ASSERT_TRUE(Eventually(absl::Seconds(10),
                           [&] { return recording.published() >= i; }));
  }

  ASSERT_TRUE(EventuallyAllPublished());
  EXPECT_EQ(recording.published(), 20);
}

TEST_F(RelayTest, MarksAreWrittenWhenItStops) {
  RecordingJetStream recording(*jetstream_);
  std::optional<OutboxRelay> relay;
  relay.emplace(Relay(), recording);
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());
  ASSERT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return recording.published() == 1; }));

  relay.reset();

  EXPECT_TRUE(AllPublished());
}

TEST_F(RelayTest, MarksAreWrittenTogetherAndAreOfTheirSession) {
  ASSERT_THAT(AppendAll({Event(1, 1), Event(2, 1)}), IsOk());
  RelaySession session(db_.dsn());
  RelaySession next(db_.dsn());
  const auto left = [](RelaySession& of) {
    return of.Unpublished(10, "test", {}).size();
  };
  EXPECT_EQ(session.marks_due(), absl::InfiniteFuture());

  session.Acknowledged({{session.Unpublished(1, "test", {})[0].event_id, 1}});

  EXPECT_EQ(left(session), 1);
  EXPECT_EQ(left(next), 2);
  EXPECT_LT(session.marks_due(), absl::Now() + absl::Seconds(1));

  session.WriteMarks("TEST");

  EXPECT_EQ(left(next), 1);
  EXPECT_EQ(session.marks_due(), absl::InfiniteFuture());
}

TEST_F(RelayTest, ManyMarksDoNotWait) {
  RelaySession session(db_.dsn());
  const std::vector<RelaySession::Mark> many(500, {Event(1, 1).event_id, 1});

  session.Acknowledged(many);

  EXPECT_LE(session.marks_due(), absl::Now());
}

TEST_F(RelayTest, PublishesWhatTheWireFormatSays) {
  OutboxEvent event = Event(1, 7, std::string("\0\x01\xff", 3));
  event.time = absl::FromUnixMicros(1'700'000'000'120'000);
  event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_THAT(AppendAll({event, Event(2, 1)}), IsOk());

  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_TRUE(EventuallyAllPublished());

  const std::vector<InMessage> messages = Messages();
  ASSERT_EQ(messages.size(), 2);
  const InMessage& message = messages[0];
  EXPECT_EQ(message.subject, "test.happened");
  EXPECT_EQ(message.Header("Nats-Msg-Id"), event.event_id);
  EXPECT_EQ(message.Header("ce-id"), event.event_id);
  EXPECT_EQ(message.Header("ce-type"), "test.v1.Happened");
  EXPECT_EQ(message.Header("ce-source"), "test-source");
  EXPECT_EQ(message.Header("ce-subject"), event.aggregate_id);
  EXPECT_EQ(message.Header("ce-time"), "2023-11-14T22:13:20.120000Z");
  EXPECT_EQ(message.Header("ce-specversion"), "1.0");
  EXPECT_EQ(message.Header("ce-aggregateversion"), "7");
  EXPECT_EQ(message.Header("traceparent"), event.traceparent);
  EXPECT_EQ(message.Header("content-type"), "application/protobuf");
  EXPECT_EQ(messages[1].Header("traceparent"), "");
  EXPECT_EQ(db_.Value("SELECT string_agg(stream_sequence::text, ',' "
                      "ORDER BY position) FROM outbox"),
            "1,2");
  // The payload, which ReadStream() leaves out.
  EXPECT_THAT(Api("STREAM.MSG.GET.TEST", R"({"seq":1})"),
              ::testing::HasSubstr(R"("data":"AAH/")"));
}

TEST_F(RelayTest, KeepsTheOrderOfEachAggregate) {
  constexpr int kThreads = 4;
  constexpr int kAggregates = 10;  // each thread's own
  constexpr int kVersions = 20;
  RecordingJetStream recording(*jetstream_);
  RelayOptions options = Relay();
  options.batch = 37;
  OutboxRelay relay(options, recording);
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&, t] {
      for (int version = 1; version <= kVersions; version += 2) {
        std::vector<OutboxEvent> events;
        for (int a = 0; a < kAggregates; ++a) {
          events.push_back(Event(t * kAggregates + a, version));
          events.push_back(Event(t * kAggregates + a, version + 1));
        }
        EXPECT_THAT(AppendAll(events), IsOk());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_TRUE(EventuallyAllPublished());

  const auto by_aggregate = ByAggregate(InStream());
  EXPECT_EQ(by_aggregate.size(), kThreads * kAggregates);
  for (const auto& [aggregate, versions] : by_aggregate) {
    EXPECT_EQ(versions, UpTo(kVersions)) << aggregate;
  }
  EXPECT_EQ(recording.most_in_flight(), 1);
  EXPECT_EQ(recording.published(), kThreads * kAggregates * kVersions);
}

TEST_F(RelayTest, ALateCommitterIsNotSkipped) {
  OutboxRelay relay(Relay(), *jetstream_);
  pqxx::connection connection(db_.dsn());
  PrepareOutbox(connection);
  pqxx::work late(connection);
  Append(late, {Event(1, 1)});  // has the earlier position
  ASSERT_THAT(AppendAll({Event(2, 1)}), IsOk());
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value(
               "SELECT count(*) FROM outbox "
               "WHERE published_at IS NOT NULL") == "1";
  }));

  late.commit();

  EXPECT_TRUE(EventuallyAllPublished());
  EXPECT_THAT(InStream(),
              ElementsAre(Pair(AggregateId(2), 1), Pair(AggregateId(1), 1)));
}

TEST_F(RelayTest, AVeryLateCommitterIsNotSkippedEither) {
  OutboxRelay relay(Relay(), *jetstream_);
  pqxx::connection connection(db_.dsn());
  PrepareOutbox(connection);
  pqxx::work late(connection);
  Append(late, {Event(1, 1)});
  // Others come and go, for longer than the relay looks back.
  for (int version = 1; version <= 10; ++version) {
    ASSERT_THAT(AppendAll({Event(2, version)}), IsOk());
    absl::SleepFor(absl::Milliseconds(500));
  }

  late.commit();
  ASSERT_THAT(AppendAll({Event(1, 2)}), IsOk());

  EXPECT_TRUE(EventuallyAllPublished());
  EXPECT_EQ(ByAggregate(InStream())[AggregateId(1)], UpTo(2));
}

TEST_F(RelayTest, IsWokenByTheCommit) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  absl::SleepFor(absl::Milliseconds(100));  // it sleeps now
  const absl::Time start = absl::Now();

  ASSERT_THAT(AppendAll({Event(1, 2)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());

  // Half of the fallback poll.
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(500));
}

TEST_F(RelayTest, AWaitingOneTellsTheActiveOneOfItsCommits) {
  RelayOptions elsewhere = Relay();
  elsewhere.committed = std::make_shared<EventFd>();
  OutboxRelay active(elsewhere, *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  OutboxRelay waiting(Relay(), *jetstream_);
  absl::SleepFor(absl::Milliseconds(1100));  // both sleep now

  for (int version = 2; version <= 4; ++version) {
    const absl::Time start = absl::Now();
    ASSERT_THAT(AppendAll({Event(1, version)}), IsOk());
    ASSERT_TRUE(EventuallyAllPublished());
    // Half of the fallback poll.
    EXPECT_LT(absl::Now() - start, absl::Milliseconds(500));
  }
}

TEST_F(RelayTest, OneIsActiveAndAnotherTakesOver) {
  RecordingJetStream first(*jetstream_);
  RecordingJetStream second(*jetstream_);
  auto relay1 = std::make_unique<OutboxRelay>(Relay(), first);
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  OutboxRelay relay2(Relay(), second);
  absl::SleepFor(absl::Milliseconds(1500));  // it has tried to get the lock
  for (int version = 2; version <= 20; ++version) {
    ASSERT_THAT(AppendAll({Event(1, version)}), IsOk());
  }
  ASSERT_TRUE(EventuallyAllPublished());
  EXPECT_EQ(first.published(), 20);
  EXPECT_EQ(second.published(), 0);

  KillActiveSession();
  ASSERT_THAT(AppendAll({Event(1, 21)}), IsOk());
  EXPECT_TRUE(EventuallyAllPublished());
  relay1.reset();
  ASSERT_THAT(AppendAll({Event(1, 22)}), IsOk());
  EXPECT_TRUE(EventuallyAllPublished());

  EXPECT_GE(second.published(), 1);
  EXPECT_EQ(first.published() + second.published(), 22);
  EXPECT_EQ(ByAggregate(InStream())[AggregateId(1)], UpTo(22));
}

TEST_F(RelayTest, WhileTheBrokerIsAwayEventsWait) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  nats_.Kill();
  for (int version = 2; version <= 50; ++version) {
    ASSERT_THAT(AppendAll({Event(1, version), Event(2, version)}), IsOk());
  }
  absl::SleepFor(absl::Seconds(1));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox "
                      "WHERE published_at IS NULL"),
            "98");

  nats_.Start();

  EXPECT_TRUE(EventuallyAllPublished());
  auto by_aggregate = ByAggregate(InStream());
  EXPECT_EQ(by_aggregate[AggregateId(1)], UpTo(50));
  EXPECT_EQ(by_aggregate[AggregateId(2)].size(), 49);
}

TEST_F(RelayTest, WhatWasPublishedButNotMarkedIsADuplicate) {
  // Between the acknowledgement and the mark the relay dies, again and again.
  db_.Exec(R"sql(
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
      CREATE TRIGGER fail BEFORE UPDATE ON outbox
        FOR EACH STATEMENT EXECUTE FUNCTION fail())sql");
  RecordingJetStream recording(*jetstream_);
  OutboxRelay relay(Relay(), recording);
  ASSERT_THAT(AppendAll({Event(1, 1), Event(1, 2), Event(2, 1)}), IsOk());
  ASSERT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return recording.duplicates() >= 3; }));
  EXPECT_FALSE(AllPublished());

  db_.Exec("DROP TRIGGER fail ON outbox");

  EXPECT_TRUE(EventuallyAllPublished());
  EXPECT_EQ(InStream().size(), 3);
  // The sequence is that of the message which is there.
  EXPECT_EQ(db_.Value("SELECT max(stream_sequence) FROM outbox"), "3");
}

TEST_F(RelayTest, ARefusedEventStopsOnlyItsAggregate) {
  DeleteStream();
  CreateStream(R"({"max_msg_size": 2000})");
  OutboxEvent too_big = Event(1, 1, std::string(5000, 'x'));
  too_big.traceparent =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_THAT(AppendAll({too_big, Event(1, 2)}), IsOk());
  RelayOptions options = Relay();
  options.batch = 2;  // the refused one must not fill every round
  ::testing::internal::CaptureStderr();
  OutboxRelay relay(options, *jetstream_);
  for (int version = 1; version <= 10; ++version) {
    ASSERT_THAT(AppendAll({Event(2, version)}), IsOk());
  }
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value(
               "SELECT count(*) FROM outbox "
               "WHERE published_at IS NULL") == "2";
  }));
  EXPECT_EQ(ByAggregate(InStream()).count(AggregateId(1)), 0);
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Metric("outbox_refused") == 1; }));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("the broker refuses an event"),
                    HasSubstr("test.happened"),
                    HasSubstr("0af7651916cd43dd8448eb211c80319c")));
  EXPECT_GE(Metric("outbox_publish_failures_total"), 1);

  Api("STREAM.UPDATE.TEST",
      R"({"name":"TEST","subjects":["test.>"],"max_msg_size":10000,
          "storage":"file","num_replicas":1,"retention":"limits",
          "duplicate_window":120000000000})");

  EXPECT_TRUE(EventuallyAllPublished(absl::Seconds(30)));
  EXPECT_EQ(ByAggregate(InStream())[AggregateId(1)], UpTo(2));
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Metric("outbox_refused") == 0; }));
}

TEST_F(RelayTest, AnEventTooBigForTheServerStopsOnlyItsAggregate) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1, std::string(2 << 20, 'x')), Event(1, 2),
                         Event(2, 1), Event(3, 1)}),
              IsOk());

  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value(
               "SELECT count(*) FROM outbox "
               "WHERE published_at IS NULL") == "2";
  }));
  EXPECT_TRUE(jetstream_->connected());
  EXPECT_EQ(ByAggregate(InStream()).count(AggregateId(1)), 0);
}

TEST_F(RelayTest, FlushWaitsUntilAllIsPublished) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(0, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());  // it is active
  for (int version = 2; version <= 20; ++version) {
    std::vector<OutboxEvent> events;
    for (int a = 0; a < 100; ++a) events.push_back(Event(a, version));
    ASSERT_THAT(AppendAll(events), IsOk());

    relay.Flush(absl::Seconds(10));

    EXPECT_TRUE(AllPublished());
  }
}

TEST_F(RelayTest, FlushDoesNotWaitForWhatAnotherPublishes) {
  OutboxRelay active(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(0, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  OutboxRelay waiting(Relay(), *jetstream_);
  const absl::Time start = absl::Now();

  waiting.Flush(absl::Seconds(10));

  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

TEST_F(RelayTest, StopsAtOnceWhileTheBrokerIsAway) {
  std::optional<OutboxRelay> relay;
  relay.emplace(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  nats_.Kill();
  ASSERT_THAT(AppendAll({Event(1, 2)}), IsOk());
  const absl::Time start = absl::Now();

  relay->Flush(absl::Milliseconds(300));
  relay.reset();

  EXPECT_GT(absl::Now() - start, absl::Milliseconds(250));
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
  EXPECT_FALSE(AllPublished());
}

TEST_F(RelayTest, AStreamThatWasMadeAnewRaisesTheAlarm) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1), Event(2, 1), Event(3, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  EXPECT_EQ(Metric("outbox_stream_reset"), 0);

  DeleteStream();
  CreateStream();
  ASSERT_THAT(AppendAll({Event(1, 2)}), IsOk());
  EXPECT_TRUE(EventuallyAllPublished());

  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Metric("outbox_stream_reset") == 1; }));
  // Not over when the new stream has grown past the old one.
  std::vector<OutboxEvent> events;
  for (int a = 10; a < 20; ++a) events.push_back(Event(a, 1));
  ASSERT_THAT(AppendAll(events), IsOk());
  EXPECT_TRUE(EventuallyAllPublished());
  absl::SleepFor(absl::Seconds(4));
  EXPECT_EQ(Metric("outbox_stream_reset"), 1);
}

TEST_F(RelayTest, AGapInTheStreamRaisesTheAlarm) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1), Event(2, 1), Event(3, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());

  Api("STREAM.MSG.DELETE.TEST", R"({"seq": 2})");

  EXPECT_TRUE(Eventually(absl::Seconds(20),
                         [&] { return Metric("outbox_stream_reset") == 1; }));
}

TEST_F(RelayTest, ABeginningThatIsGoneTooEarlyRaisesTheAlarm) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1), Event(2, 1), Event(3, 1)}), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());

  Api("STREAM.PURGE.TEST", R"({"seq": 3})");

  EXPECT_TRUE(Eventually(absl::Seconds(20),
                         [&] { return Metric("outbox_stream_reset") == 1; }));
}

// Each way to lose messages, and the relay that repairs without being asked.
TEST_F(RelayTest, RepairsTheStreamIfItMay) {
  RelayOptions options = Relay();
  options.repair = true;
  OutboxRelay relay(options, *jetstream_);
  std::vector<OutboxEvent> events;
  for (int a = 1; a <= 30; ++a) events.push_back(Event(a, 1));
  ASSERT_THAT(AppendAll(events), IsOk());
  ASSERT_TRUE(EventuallyAllPublished());
  const auto all_there = [&] {
    std::set<std::string> ids;
    for (const InMessage& message : Messages()) {
      ids.insert(std::string(message.Header("ce-id")));
    }
    return ids.size() == 30 && Metric("outbox_stream_reset") == 0;
  };
  ASSERT_TRUE(all_there());

  Api("STREAM.MSG.DELETE.TEST", R"({"seq": 7})");
  EXPECT_TRUE(Eventually(absl::Seconds(40), all_there));
  Api("STREAM.PURGE.TEST", R"({"seq": 11})");
  EXPECT_TRUE(Eventually(absl::Seconds(40), all_there));
  DeleteStream();
  CreateStream();
  EXPECT_TRUE(Eventually(absl::Seconds(40), all_there));
  // Its data gone while it was stopped.
  nats_.Stop();
  nats_.WipeData();
  nats_.Start();
  ASSERT_TRUE(
      Eventually(absl::Seconds(20), [&] { return jetstream_->connected(); }));
  CreateStream();
  EXPECT_TRUE(Eventually(absl::Seconds(40), all_there));
  EXPECT_GE(Metric("outbox_repairs_total"), 4);
}

TEST_F(RelayTest, CountsWhatWaits) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Metric("relay_active") == 1; }));
  nats_.Kill();
  OutboxEvent event = Event(1, 1);
  event.time = absl::Now() - absl::Seconds(100);
  ASSERT_THAT(AppendAll({event, Event(2, 1)}), IsOk());

  EXPECT_TRUE(Eventually(absl::Seconds(15), [&] {
    return Metric("outbox_depth") == 2 &&
           Metric("outbox_oldest_seconds") >= 100;
  }));
  nats_.Start();
  EXPECT_TRUE(Eventually(absl::Seconds(15), [&] {
    return Metric("outbox_depth") == 0 && Metric("outbox_oldest_seconds") == 0;
  }));
}

TEST_F(RelayTest, TheActiveOneForgetsTheOld) {
  ASSERT_THAT(AppendAll({Event(1, 1), Event(1, 2)}), IsOk());
  db_.Exec(
      "UPDATE outbox SET published_at = now() - interval '9 days' "
      "WHERE version = 1");

  OutboxRelay relay(Relay(), *jetstream_);

  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return db_.Value("SELECT min(version) FROM outbox") == "2";
  }));
}

// How fast it is. Not a test: run it with --gtest_also_run_disabled_tests.
TEST_F(RelayTest, DISABLED_Throughput) {
  constexpr int kEvents = 200'000;
  db_.Exec(absl::StrCat(
      "INSERT INTO outbox (event_id, aggregate_id, version, subject, "
      "event_type, payload, traceparent, event_time) "
      "SELECT gen_random_uuid(), gen_random_uuid(), 1, 'test.happened', "
      "'test.v1.Happened', decode(repeat('ab', 120), 'hex'), "
      "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', now() "
      "FROM generate_series(1, ",
      kEvents, "); ANALYZE outbox"));
  const absl::Time start = absl::Now();

  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_TRUE(Eventually(absl::Seconds(60), [&] {
    return Metric("outbox_published_total") >= kEvents;
  }));

  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  std::printf("%.0f events/s\n", kEvents / seconds);
}

}  // namespace
}  // namespace platform::events
