#include <atomic>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/commands.h"
#include "platform/events/outbox_relay.h"
#include "platform/events/reconcile.h"
#include "platform/failpoint/failpoint.h"
#include "tests/integration/platform/events_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using test_support::Eventually;
using test_support::Fails;
using test_support::IsOk;

using ::testing::HasSubstr;
using ::testing::Not;

class ReconcileTest : public EventsTest {
 protected:
  // Runs the command; `report_` is what it printed.
  absl::Status Reconcile(bool repair = false) {
    ::testing::internal::CaptureStdout();
    const absl::Status status = ReconcileCommand(
        {.dsn = db_.dsn(),
         .nats = {.url = nats_.url(), .user = "", .password = ""},
         .stream = "TEST",
         .source = "test-source",
         .repair = repair});
    std::fflush(stdout);
    report_ = ::testing::internal::GetCapturedStdout();
    return status;
  }

  // Publishes what waits in the outbox.
  void Publish() {
    OutboxRelay relay(Relay(), *jetstream_);
    ASSERT_TRUE(Eventually(absl::Seconds(15), [&] { return AllPublished(); }));
  }

  // Three aggregates with the given number of versions each, published.
  void PublishVersions(int versions) {
    std::vector<OutboxEvent> events;
    for (int version = 1; version <= versions; ++version) {
      for (int a = 1; a <= 3; ++a) events.push_back(Event(a, version));
    }
    ASSERT_THAT(AppendAll(events), IsOk());
    Publish();
  }

  // Applies everything in the stream through the inbox; returns how many events
  // were new to it.
  int ApplyStream() {
    int applied = 0;
    std::vector<Message> messages;
    std::set<std::string> in_batch;
    for (const InMessage& in : Messages()) {
      Message message;
      message.event_id = std::string(in.Header("ce-id"));
      message.aggregate_id = std::string(in.Header("ce-subject"));
      messages.push_back(message);
    }
    for (const Message& message : messages) {
      EXPECT_THAT(ApplyOnce(pool_, "test", {message},
                            [&](pqxx::work&, absl::Span<const Message> fresh) {
                              applied += static_cast<int>(fresh.size());
                              return absl::OkStatus();
                            }),
                  IsOk());
    }
    return applied;
  }

  std::string report_;
};

TEST_F(ReconcileTest, FindsNothingWhereNothingIsMissing) {
  PublishVersions(3);
  ASSERT_THAT(AppendAll({Event(9, 1)}), IsOk());  // waits: not missing

  EXPECT_THAT(Reconcile(), IsOk());

  EXPECT_THAT(report_, HasSubstr("9 events published, 1 waiting"));
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 0"));
  EXPECT_THAT(report_, Not(HasSubstr("ALARM")));
}

TEST_F(ReconcileTest, WorksOnAnEmptyStream) {
  EXPECT_THAT(Reconcile(), IsOk());
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 0"));
}

TEST_F(ReconcileTest, AnAbsentStreamIsAnError) {
  DeleteStream();
  EXPECT_EQ(Reconcile().code(), absl::StatusCode::kNotFound);
}

TEST_F(ReconcileTest, RepairsALostMessageInsideTheDuplicateWindow) {
  PublishVersions(2);
  EXPECT_EQ(ApplyStream(), 6);
  Api("STREAM.MSG.DELETE.TEST", R"({"seq": 3})");
  const std::string lost =
      db_.Value("SELECT event_id FROM outbox WHERE stream_sequence = 3");

  EXPECT_EQ(Reconcile().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 1"));
  EXPECT_THAT(report_, HasSubstr(lost));
  EXPECT_EQ(Messages().size(), 5);

  EXPECT_THAT(Reconcile(/*repair=*/true), IsOk());
  EXPECT_THAT(report_, HasSubstr("published again: 1"));
  const std::vector<InMessage> messages = Messages();
  ASSERT_EQ(messages.size(), 6);
  EXPECT_EQ(messages.back().Header("ce-id"), lost);
  EXPECT_THAT(std::string(messages.back().Header("Nats-Msg-Id")),
              ::testing::StartsWith(lost + ":r"));
  EXPECT_EQ(db_.Value("SELECT event_id FROM outbox WHERE stream_sequence = 7"),
            lost);
  EXPECT_EQ(ApplyStream(), 0);
  EXPECT_THAT(Reconcile(), IsOk());
}

TEST_F(ReconcileTest, RepairsAStreamThatWasMadeAnew) {
  PublishVersions(10);
  EXPECT_EQ(ApplyStream(), 30);
  DeleteStream();
  CreateStream();
  // The new stream goes on before anybody notices.
  ASSERT_THAT(AppendAll({Event(4, 1), Event(1, 11)}), IsOk());
  Publish();

  EXPECT_EQ(Reconcile().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(report_, HasSubstr("ALARM: the stream was created anew"));
  EXPECT_THAT(report_, HasSubstr("ALARM: the stream's last sequence"));
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 30"));
  EXPECT_THAT(report_, HasSubstr("and 10 more"));

  EXPECT_THAT(Reconcile(/*repair=*/true), IsOk());
  const auto in_stream = InStream();
  ASSERT_EQ(in_stream.size(), 32);
  // What was repaired is in the order in which it was written.
  std::map<std::string, int64_t> last;
  for (size_t i = 2; i < in_stream.size(); ++i) {
    const auto& [aggregate, version] = in_stream[i];
    EXPECT_EQ(version, ++last[aggregate]) << aggregate;
  }
  EXPECT_EQ(ApplyStream(), 2);
  EXPECT_THAT(Reconcile(), IsOk());
  EXPECT_THAT(report_, Not(HasSubstr("ALARM")));
}

TEST_F(ReconcileTest, RepairsAnEmptyNewStream) {
  PublishVersions(1);
  DeleteStream();
  CreateStream();

  EXPECT_EQ(Reconcile().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Reconcile(/*repair=*/true), IsOk());

  EXPECT_EQ(Messages().size(), 3);
}

TEST_F(ReconcileTest, RepairsAStreamWhoseDataWasLost) {
  PublishVersions(5);
  EXPECT_EQ(ApplyStream(), 15);
  nats_.Stop();
  nats_.WipeData();
  nats_.Start();
  ASSERT_TRUE(
      Eventually(absl::Seconds(10), [&] { return jetstream_->connected(); }));
  CreateStream();

  EXPECT_EQ(Reconcile().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 15"));
  EXPECT_THAT(Reconcile(/*repair=*/true), IsOk());

  EXPECT_EQ(Messages().size(), 15);
  EXPECT_EQ(ApplyStream(), 0);
}

TEST_F(ReconcileTest, WhatTheStreamDroppedByItsLimitsIsNotMissing) {
  DeleteStream();
  CreateStream(R"({"max_msgs": 4})");
  db_.Exec("DELETE FROM outbox_stream");
  absl::SleepFor(absl::Milliseconds(1500));  // past what two clocks may differ
  PublishVersions(3);

  EXPECT_THAT(Reconcile(), IsOk());
  EXPECT_THAT(report_, HasSubstr("4 messages, sequences 6 to 9"));
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 0"));
}

TEST_F(ReconcileTest, FindsWhatANewStreamWithMovedLimitsNeverHeld) {
  PublishVersions(1);
  DeleteStream();
  CreateStream(R"({"max_msgs": 2})");
  absl::SleepFor(absl::Milliseconds(1500));  // past what two clocks may differ
  std::vector<OutboxEvent> events;
  for (int a = 10; a < 20; ++a) events.push_back(Event(a, 1));
  ASSERT_THAT(AppendAll(events), IsOk());
  Publish();

  // Sequences 1 to 3 are before the first one kept, but of the old stream.
  EXPECT_EQ(Reconcile().code(), absl::StatusCode::kDataLoss);

  EXPECT_THAT(report_, HasSubstr("sequences 9 to 10"));
  EXPECT_THAT(report_, HasSubstr("missing in the stream: 3"));
}

TEST_F(ReconcileTest, SaysThatTheStreamWentBack) {
  PublishVersions(1);
  db_.Exec("UPDATE outbox SET stream_sequence = 1000 WHERE aggregate_id = '" +
           AggregateId(2) + "'");

  EXPECT_THAT(Reconcile(), IsOk());  // the event itself is there

  EXPECT_THAT(report_, HasSubstr("below an acknowledged one, 1000"));
}

// A repair that ends in the middle leaves something to do, or has done more
// than it knows. The next one makes up for either.
TEST_F(ReconcileTest, ARepairThatBrokeOffCanBeRepeated) {
  PublishVersions(2);
  EXPECT_EQ(ApplyStream(), 6);
  for (const char* point :
       {"reconcile.before_publish", "reconcile.before_mark"}) {
    SCOPED_TRACE(point);
    DeleteStream();
    CreateStream();
    // The session of the one before, and its lock, may last a moment longer.
    const auto ends_with = [&](absl::StatusCode code) {
      return Eventually(absl::Seconds(10), [&] {
        return Reconcile(/*repair=*/true).code() == code;
      });
    };
    ASSERT_THAT(failpoint::Arm(absl::StrCat(point, "=error(UNAVAILABLE)")),
                IsOk());
    EXPECT_TRUE(ends_with(absl::StatusCode::kUnavailable)) << report_;
    failpoint::DisarmAll();

    EXPECT_TRUE(ends_with(absl::StatusCode::kOk)) << report_;
    EXPECT_EQ(Messages().size(), 6);
    EXPECT_EQ(ApplyStream(), 0);
    EXPECT_THAT(Reconcile(), IsOk());
  }
}

TEST_F(ReconcileTest, EndsTheRelaysAlarm) {
  OutboxRelay relay(Relay(), *jetstream_);
  ASSERT_THAT(AppendAll({Event(1, 1), Event(2, 1)}), IsOk());
  ASSERT_TRUE(Eventually(absl::Seconds(15), [&] { return AllPublished(); }));
  DeleteStream();
  CreateStream();
  ASSERT_THAT(AppendAll({Event(3, 1)}), IsOk());
  ASSERT_TRUE(Eventually(absl::Seconds(15), [&] {
    return AllPublished() && Metric("outbox_stream_reset") == 1;
  }));

  EXPECT_THAT(Reconcile(/*repair=*/true), IsOk());

  EXPECT_TRUE(Eventually(absl::Seconds(15),
                         [&] { return Metric("outbox_stream_reset") == 0; }));
}

// The relay has raised the alarm; the run has read the stream before it lost
// its end, and must not end the alarm.
TEST_F(ReconcileTest, AStreamThatLosesItsEndMeanwhileIsNotAllRight) {
  PublishVersions(1);
  db_.Exec("UPDATE outbox_stream SET created_at = '-infinity'");
  const auto run = [&](const std::string& meanwhile) {
    bool said = false;
    return events::Reconcile({.dsn = db_.dsn(),
                              .stream = "TEST",
                              .source = "test-source",
                              .consumer = "test-reconcile",
                              .say =
                                  [&](const std::string& /*line*/) {
                                    if (!std::exchange(said, true))
                                      db_.Exec(meanwhile);
                                  }},
                             *jetstream_);
  };
  const auto alarm = [&] {
    return db_.Value("SELECT created_at = '-infinity' FROM outbox_stream");
  };
  for (const char* meanwhile :
       {// Acknowledged, and not there.
        "UPDATE outbox SET published_at = now(), stream_sequence = 1000 "
        "WHERE stream_sequence = 1",
        // Given once more after it was lost.
        "UPDATE outbox SET published_at = now(), stream_sequence = 3"}) {
    EXPECT_THAT(run(meanwhile), Fails(absl::StatusCode::kAborted)) << meanwhile;
    EXPECT_EQ(alarm(), "t");
  }
  EXPECT_THAT(run("SELECT 1"), IsOk());
  EXPECT_EQ(alarm(), "f");
}

TEST_F(ReconcileTest, RunsBesideALiveSystem) {
  OutboxRelay relay(Relay(), *jetstream_);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int version = 1; !stop; ++version) {
      std::vector<OutboxEvent> events;
      for (int a = 0; a < 50; ++a) events.push_back(Event(a, version));
      EXPECT_THAT(AppendAll(events), IsOk());
    }
  });
  ASSERT_TRUE(Eventually(absl::Seconds(15), [&] {
    return Metric("outbox_published_total") > 1000;
  }));

  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Reconcile(), IsOk()) << report_;
  }

  stop = true;
  writer.join();
}

}  // namespace
}  // namespace platform::events
