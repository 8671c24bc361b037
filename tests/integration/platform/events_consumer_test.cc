// From the stream to one effect for each event, whatever goes wrong.
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/consumer.h"
#include "platform/failpoint/failpoint.h"
#include "tests/integration/platform/events_in_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using ::test_support::Eventually;
using ::test_support::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ConsumerTest : public EventsInTest {
 protected:
  using EventsInTest::EventsInTest;

  // Takes an event and gives it back: its next delivery is not the first.
  void MakeRedelivered() { GiveBack(Take(1)); }

  // As somebody who has had enough after `count` events.
  std::vector<InMessage> Take(size_t count) {
    std::vector<InMessage> taken;
    auto pull = jetstream_->PullFrom("TEST", "worker");
    EXPECT_THAT(pull, IsOk());
    if (!pull.ok()) return taken;
    EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
      const auto hand = (*pull)->Next(static_cast<int>(count - taken.size()),
                                      absl::Seconds(1));
      if (!hand.ok()) return false;
      taken.insert(taken.end(), hand->begin(), hand->end());
      return taken.size() == count;
    }));
    (*pull)->Cancel();
    return taken;
  }

  // To be delivered again, at once.
  void GiveBack(absl::Span<const InMessage> messages) {
    for (const InMessage& message : messages) {
      EXPECT_THAT(jetstream_->Send(message.reply, "-NAK"), IsOk());
    }
    EXPECT_TRUE(jetstream_->Flush(absl::Seconds(5)));
  }

  // Poison and its neighbour, while the failpoint `point` goes wrong twice.
  void ExpectPoisonParkedOnceDespite(absl::string_view point) {
    ASSERT_THAT(
        failpoint::Arm(absl::StrCat(point, "=error(UNAVAILABLE)@times:2")),
        IsOk());
    Publish({"poison", "ok"});
    const auto consumer = Consume();
    ExpectSettled();
    failpoint::DisarmAll();

    ExpectEffects(1);
    EXPECT_EQ(Count("dead_letters"), 1);
    EXPECT_EQ(ParkedReason(1), "it is poison");
  }

  test_support::ProcessOptions Child() {
    return {.command = {BINARY_DIR "/tests/events_consumer_child", db_->dsn(),
                        nats_.url()}};
  }
};

TEST_F(ConsumerTest, EveryDeliveryOfAnEventIsOneEffect) {
  for (int copy = 0; copy < 5; ++copy) {
    Publish(std::vector<std::string>(200, "ok"));
  }
  const auto consumer = Consume();
  ExpectSettled();
  ExpectEffects(200);
  EXPECT_EQ(Count("dead_letters"), 0);
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [] { return ConsumerMetric("consumer_lag") == 0; }));
}

TEST_F(ConsumerTest, LossRepetitionAndDelayOnTheWayAreOneEffectEach) {
  CreateDurable(/*ack_wait=*/absl::Seconds(1));
  std::vector<std::string> payloads(60, "do");
  ASSERT_THAT(failpoint::Arm("consumer.input=duplicate@p:0.5"), IsOk());
  auto consumer = Consume();
  const double before = ConsumerMetric("consumer_redelivered_total");
  Publish(payloads, 1);
  ExpectEffects(60);
  ASSERT_THAT(failpoint::Arm("consumer.input=hold(800ms)@p:0.5"), IsOk());
  Publish(payloads, 101);
  ExpectEffects(120);
  ASSERT_THAT(failpoint::Arm("consumer.input=drop@p:0.5"), IsOk());
  Publish(payloads, 201);
  ExpectEffects(180);
  const std::string points = failpoint::List();
  failpoint::DisarmAll();
  ExpectSettled();

  EXPECT_GT(ConsumerMetric("consumer_redelivered_total"), before) << points;
  EXPECT_THAT(points, Not(HasSubstr("consumer.input\tdrop@p:0.5\t0")));
}

TEST_F(ConsumerTest, ALostAcknowledgementIsOneEffect) {
  CreateDurable(/*ack_wait=*/absl::Seconds(1));
  ASSERT_THAT(failpoint::Arm("consumer.before_ack=error(UNAVAILABLE)@times:5"),
              IsOk());
  auto consumer = Consume();
  const double before = ConsumerMetric("consumer_redelivered_total");
  Publish(std::vector<std::string>(5, "do"));
  ExpectSettled();

  ExpectEffects(5);
  EXPECT_GE(ConsumerMetric("consumer_redelivered_total"), before + 5);
  failpoint::DisarmAll();
}

TEST_F(ConsumerTest, WhatQueuedUpIsAppliedTogetherInItsOrder) {
  Publish(std::vector<std::string>(300, "ok"));
  const auto consumer = Consume(3, 50);
  ExpectSettled();
  ExpectEffects(300);
  EXPECT_GT(effects_.most_together, 10);
  EXPECT_LE(effects_.most_together, 50);
  EXPECT_EQ(db_->Value("SELECT array_agg(event_id ORDER BY position) ="
                       " array_agg(event_id ORDER BY event_id) FROM effects"),
            "t");
}

TEST_F(ConsumerTest, PoisonIsParkedAndItsNeighboursAreNot) {
  std::vector<std::string> payloads(40, "ok");
  payloads[20] = "poison";
  Publish(payloads);
  const auto consumer = Consume();
  ExpectSettled();
  ExpectEffects(39);
  EXPECT_EQ(Count("dead_letters"), 1);
  EXPECT_EQ(ParkedReason(21), "it is poison");
  EXPECT_EQ(db_->Value("SELECT headers->>'ce-type' FROM dead_letters"),
            "test.v1.Happened");
  EXPECT_EQ(db_->Value("SELECT convert_from(payload, 'UTF8')"
                       " FROM dead_letters"),
            "poison");
  EXPECT_EQ(db_->Value("SELECT stream_sequence FROM dead_letters"), "21");
  EXPECT_EQ(ConsumerMetric("consumer_parked_total"), 1);
}

TEST_F(ConsumerTest, WhatCannotBeParkedIsParkedLater) {
  ExpectPoisonParkedOnceDespite("consumer.before_park");
}

// The broker delivers it again: it has not heard that it is parked.
TEST_F(ConsumerTest, WhatIsParkedIsParkedOnceThoughItsEndIsLost) {
  CreateDurable(/*ack_wait=*/absl::Seconds(1));
  ExpectPoisonParkedOnceDespite("consumer.after_park");
}

TEST_F(ConsumerTest, GarbageIsParkedWhateverItsBytes) {
  const std::string bytes("\xff\xfe\0\x01'\";--", 9);
  const auto broken = [](const std::string& header, const std::string& value) {
    OutMessage message = AnEvent("garbage", AnId(1));
    for (auto& [name, text] : message.headers) {
      if (name == header) text = value;
    }
    return message;
  };
  OutMessage bare;
  bare.subject = "test.bare";
  OutMessage binary;
  binary.subject = "test.binary";
  binary.headers = {{"ce-id", "\xc3\x28'; DROP TABLE effects; --"},
                    {"\xff\xfe", "\x80"}};
  binary.payload = bytes;
  OutMessage unreadable = AnEvent("garbage", AnId(1));
  unreadable.headers.emplace_back("Empty", "");
  // Longer than what an index takes, and nothing that compresses.
  std::string endless;
  std::minstd_rand random;
  while (endless.size() < 10'000) {
    endless += static_cast<char>('A' + random() % 26);
  }
  PublishMessages({bare, binary, unreadable, broken("ce-id", "42"),
                   broken("ce-id", endless), broken("ce-subject", "nobody"),
                   broken("ce-type", " "), broken("ce-time", "yesterday"),
                   broken("ce-time", "infinite-future"),
                   broken("ce-time", "10000-01-01T00:00:00Z"),
                   broken("ce-aggregateversion", "-1"),
                   AnEvent("ok", AnId(1))});
  const auto consumer = Consume();
  ExpectSettled();
  ExpectEffects(1);
  EXPECT_EQ(Count("dead_letters"), 11);
  EXPECT_EQ(db_->Value("SELECT encode(payload, 'hex') FROM dead_letters"
                       " WHERE subject = 'test.binary'"),
            "fffe000127223b2d2d");
  EXPECT_EQ(Count("dead_letters WHERE reason LIKE 'ce-% is no %'"), 11);
  EXPECT_EQ(Count("dead_letters WHERE reason LIKE 'ce-time %'"), 3);
  EXPECT_EQ(Count("dead_letters WHERE length(headers->>'ce-id') = 10000"), 1);
}

TEST_F(ConsumerTest, WhatIsEarlyIsTriedAgain) {
  Publish({"early", "ok"});
  const auto consumer = Consume(100);
  const double before = ConsumerMetric("consumer_redelivered_total");
  ExpectEffects(1);
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return ConsumerMetric("consumer_redelivered_total") > before;
  }));
  effects_.let_early_in = true;
  ExpectSettled();
  ExpectEffects(2);
  EXPECT_EQ(Count("dead_letters"), 0);
}

TEST_F(ConsumerTest, WhatFailsTooOftenIsParkedWithItsLastError) {
  Publish({"stubborn", "ok", "throw"});
  const auto consumer = Consume(2);
  ExpectSettled();
  ExpectEffects(1);
  EXPECT_THAT(ParkedReason(1), HasSubstr("gave up after 2 attempts"));
  EXPECT_THAT(ParkedReason(1), HasSubstr("it will not"));
  EXPECT_THAT(ParkedReason(3), HasSubstr("thrown"));
}

// The third net: what ends the process cannot say so. It is counted before it
// is handled.
TEST_F(ConsumerTest, WhatKillsTheProcessIsParkedAndItsNeighboursAreNot) {
  CreateDurable(absl::Seconds(1));
  std::vector<std::string> payloads(20, "ok");
  payloads[10] = "kill";
  Publish(payloads);
  int deaths = 0;
  std::optional<test_support::Process> child;
  EXPECT_TRUE(Eventually(absl::Seconds(40), [&] {
    if (!child.has_value() || !child->running()) {
      if (child.has_value()) ++deaths;
      child.emplace(Child());
    }
    return Count("dead_letters") == 1;
  }));
  ExpectSettled();
  ExpectEffects(19);
  EXPECT_EQ(deaths, 3);
  EXPECT_EQ(ParkedReason(11), "gave up after 2 attempts that did not end");
}

TEST_F(ConsumerTest, WhatWasBegunTooOftenIsNotBegunAgain) {
  Publish({"ok"});
  MakeRedelivered();
  db_->Exec(
      "INSERT INTO attempts (durable, event_id, count) VALUES ('worker', '" +
      AnId(1) + "', 3)");
  const auto consumer = Consume(3);
  ExpectSettled();
  EXPECT_EQ(Count("dead_letters"), 1);
  EXPECT_EQ(effects_.calls, 0);
}

TEST_F(ConsumerTest, WhatWasAppliedIsNotParkedForLostAcks) {
  Publish({"ok"});
  MakeRedelivered();
  db_->Exec(
      "INSERT INTO attempts (durable, event_id, count) VALUES ('worker', '" +
      AnId(1) + "', 3)");
  db_->Exec("INSERT INTO inbox (durable, event_id) VALUES ('worker', '" +
            AnId(1) + "')");
  const auto consumer = Consume(3);
  ExpectSettled();
  EXPECT_EQ(Count("dead_letters"), 0);
  EXPECT_EQ(effects_.calls, 0);
}

TEST_F(ConsumerTest, WhatIsNotTheEventsFaultIsNeitherCountedNorParked) {
  effects_.away = true;
  Publish({"away", "away", "ok"});
  const auto consumer = Consume(1);
  EXPECT_TRUE(
      Eventually(absl::Seconds(20), [&] { return effects_.calls > 6; }));
  effects_.away = false;
  ExpectSettled();
  ExpectEffects(3);
  EXPECT_EQ(Count("dead_letters"), 0);
}

TEST_F(ConsumerTest, LostConnectionsToTheDatabaseCostNothing) {
  const auto consumer = Consume(1);
  for (int i = 0; i < 20; ++i) {
    Publish(std::vector<std::string>(20, "ok"), 1 + 20 * i);
    db_->KillBackends();
  }
  ExpectSettled();
  ExpectEffects(400);
  EXPECT_EQ(Count("dead_letters"), 0);
}

TEST_F(ConsumerTest, ABrokerThatDiesCostsNothing) {
  // What was on its way when it died comes again after this, in up to three
  // rounds.
  CreateDurable(absl::Seconds(3));
  const auto consumer = Consume();
  for (int i = 0; i < 3; ++i) {
    Publish(std::vector<std::string>(100, "ok"), 1 + 100 * i);
    nats_.Kill();
    nats_.Start();
  }
  Publish({"ok"}, 301);
  ExpectEffects(301);
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return jetstream_->connected(); }));
  ExpectSettled(absl::Seconds(60));
  EXPECT_EQ(Count("dead_letters"), 0);
}

TEST_F(ConsumerTest, ADurableMadeAnewRepeatsNothing) {
  Publish(std::vector<std::string>(50, "ok"));
  const auto consumer = Consume();
  ExpectEffects(50);
  DeleteDurable();
  EXPECT_TRUE(Eventually(absl::Seconds(10), [] {
    return ConsumerMetric("consumer_missing") == 1;
  }));
  Publish(std::vector<std::string>(50, "ok"), 51);
  CreateDurable();
  ExpectEffects(100);
  ExpectSettled();
  EXPECT_TRUE(Eventually(absl::Seconds(10), [] {
    return ConsumerMetric("consumer_missing") == 0;
  }));
}

// A member that hangs holds what it has in hand, and nothing more.
TEST_F(ConsumerTest, AHungReplicaDoesNotStopTheOthers) {
  CreateDurable(absl::Seconds(3));
  test_support::Process child(Child());
  Publish(std::vector<std::string>(10, "ok"));
  ExpectEffects(10);
  child.Signal(SIGSTOP);
  // Within the wait for the acks of what the hung one was given.
  const auto consumer = Consume();
  Publish(std::vector<std::string>(1000, "ok"), 11);
  EXPECT_TRUE(Eventually(absl::Seconds(2.5), [&] {
    return Count("effects") > 100;
  })) << "nothing moved beside the hung one";
  ExpectEffects(1010);
  // It wakes up with events in hand that others have applied meanwhile.
  child.Signal(SIGCONT);
  ExpectSettled();
  child.Signal(SIGTERM);
  EXPECT_EQ(child.Wait(absl::Seconds(10)), std::optional<int>(0));
  ExpectEffects(1010);
}

TEST_F(ConsumerTest, TheEndFinishesWhatIsInHandAndGivesBackTheRest) {
  effects_.blocked = true;
  auto consumer = Consume();
  Publish({"block"});
  ASSERT_TRUE(
      Eventually(absl::Seconds(10), [&] { return effects_.calls == 1; }));
  // These wait behind it in this process. Nobody else could have them for the
  // next 30 s unless they are given back.
  Publish(std::vector<std::string>(50, "ok"), 2);
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return InHand() == 51; }));
  std::thread end([&] { consumer.reset(); });
  absl::SleepFor(absl::Milliseconds(100));
  effects_.blocked = false;
  end.join();
  EXPECT_EQ(Count("effects"), 1);
  consumer = Consume();
  ExpectEffects(51, absl::Seconds(15));
}

// One by one takes longer here than the broker waits for an ack. It must not
// send the rest to another replica meanwhile: every delivery counts.
TEST_F(ConsumerTest, TheBrokerKnowsThatAHandIsStillAtWork) {
  CreateDurable(absl::Seconds(7));
  std::vector<std::string> payloads(27, "slow");
  payloads[0] = "block";
  effects_.blocked = true;
  Publish(payloads);
  const std::vector<InMessage> taken = Take(27);
  const auto consumer = Consume();
  GiveBack({taken.data(), 1});
  ASSERT_TRUE(
      Eventually(absl::Seconds(10), [&] { return effects_.calls > 0; }));
  // All others wait for it here, so they will be one hand.
  GiveBack(absl::MakeConstSpan(taken).subspan(1));
  absl::SleepFor(absl::Seconds(1));
  effects_.blocked = false;
  auto other = jetstream_->PullFrom("TEST", "worker");
  ASSERT_THAT(other, IsOk());
  const absl::Time end = absl::Now() + absl::Seconds(40);
  while (Count("effects") < 27 && absl::Now() < end) {
    const auto hand = (*other)->Next(10, absl::Milliseconds(100));
    ASSERT_THAT(hand, IsOk());
    ASSERT_THAT(*hand, IsEmpty()) << "given to another replica";
  }
  ExpectEffects(27);
}

TEST_F(ConsumerTest, TheEndIsSoonWhateverIsAway) {
  nats_.Kill();
  auto consumer = Consume();
  absl::SleepFor(absl::Milliseconds(300));
  const absl::Time start = absl::Now();
  consumer.reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
}

TEST_F(ConsumerTest, TheEndAcknowledgesWhatWaitedForTheDisk) {
  auto consumer = ConsumeLazily(absl::Hours(1));
  Publish({"ok", "poison", "ok"});
  ExpectEffects(2);
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Count("dead_letters") == 1; }));
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return InHand() == 2; }));
  consumer.reset();
  ExpectSettled();
  ExpectEffects(2);
}

// The broker gives out only so many that nobody has acknowledged.
TEST_F(ConsumerTest, ManyThatWaitForTheDiskArePutThereAtOnce) {
  const auto consumer = ConsumeLazily(absl::Hours(1));
  Publish(std::vector<std::string>(2500, "ok"));
  ExpectEffects(2500);
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return InHand() < 256; }));
}

TEST_F(ConsumerTest, WhatCannotBePutOnDiskWaitsAndNothingElseIsTaken) {
  ASSERT_THAT(
      failpoint::Arm("consumer.before_put_on_disk=error(UNAVAILABLE)@times:5"),
      IsOk());
  const auto consumer = ConsumeLazily(absl::Milliseconds(100));
  Publish({"ok", "ok"});
  ExpectEffects(2);
  absl::SleepFor(absl::Milliseconds(300));
  Publish({"ok"}, 3);
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(Count("effects"), 2);
  ExpectEffects(3);
  ExpectSettled();
  EXPECT_EQ(Deliveries(), 3);  // nothing was given back
}

TEST_F(ConsumerTest, WhatIsDeliveredAgainWhileItWaitsForTheDiskIsOneEffect) {
  CreateDurable(/*ack_wait=*/absl::Milliseconds(500));
  const auto consumer = ConsumeLazily(absl::Seconds(2));
  Publish({"ok", "ok"});
  ExpectSettled();
  ExpectEffects(2);
  EXPECT_GT(Deliveries(), 2);
}

class ConsumerWithoutDatabaseTest : public ConsumerTest {
 protected:
  ConsumerWithoutDatabaseTest() : ConsumerTest(/*own_postgres=*/true) {}

  // What nobody waits for is not on disk by itself for a while.
  void LetCommitsBeLost() {
    db_->Exec("ALTER SYSTEM SET wal_writer_delay = '10s'");
    db_->Exec("SELECT pg_reload_conf()");
  }
};

TEST_F(ConsumerWithoutDatabaseTest, WhatACrashUndidIsAppliedAgain) {
  LetCommitsBeLost();
  const auto consumer = ConsumeLazily(absl::Seconds(5));
  Publish({"ok", "ok"});
  ExpectEffects(2);
  EXPECT_EQ(InHand(), 2);
  postgres_->Crash();
  postgres_->Start();
  EXPECT_EQ(Count("effects"), 0);
  ExpectEffects(2);
  ExpectSettled();
}

TEST_F(ConsumerWithoutDatabaseTest, WhatIsAcknowledgedIsOnDisk) {
  LetCommitsBeLost();
  const auto consumer = ConsumeLazily(absl::Milliseconds(100));
  Publish({"ok", "ok"});
  ExpectSettled();
  postgres_->Crash();
  postgres_->Start();
  ExpectEffects(2);
}

TEST_F(ConsumerWithoutDatabaseTest, NothingIsParkedAndAllGoesOnWhenItIsBack) {
  // One attempt: whatever the outage counted would be parked.
  const auto consumer = Consume(1);
  Publish(std::vector<std::string>(20, "ok"));
  ExpectEffects(20);
  postgres_->Crash();
  Publish(std::vector<std::string>(20, "ok"), 21);
  Publish({"poison"}, 41);
  absl::SleepFor(absl::Seconds(4));
  postgres_->Start();
  ExpectEffects(40);
  ExpectSettled();
  EXPECT_EQ(Count("dead_letters"), 1);
  EXPECT_EQ(Count("attempts WHERE count > 1"), 0);
}

}  // namespace
}  // namespace platform::events
