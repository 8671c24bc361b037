#include "tests/integration/platform/events_in_fixture.h"

#include <csignal>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "platform/events/inbox.h"
#include "platform/metrics/metrics.h"
#include "platform/pg/array.h"
#include "platform_test/migrations/migrations.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using nlohmann::json;
using ::test_support::Eventually;
using ::test_support::IsOk;

std::unique_ptr<test_support::TestDatabase> Database(
    test_support::PostgresServer* server) {
  const auto migrations = platform_test::Migrations();
  auto db =
      server == nullptr
          ? std::make_unique<test_support::TestDatabase>(migrations)
          : std::make_unique<test_support::TestDatabase>(*server, migrations);
  db->Exec(
      "CREATE TABLE effects (position bigint GENERATED ALWAYS AS IDENTITY,"
      " event_id uuid NOT NULL, payload text NOT NULL)");
  return db;
}

}  // namespace

absl::Status Effects::One(const Message& message) {
  const std::string& payload = message.payload;
  if (payload == "poison") return absl::InvalidArgumentError("it is poison");
  if (payload == "stubborn") return absl::InternalError("it will not");
  if (payload == "early" && !let_early_in) {
    return absl::NotFoundError("not yet");
  }
  if (payload == "throw") throw std::runtime_error("thrown");
  if (payload == "away" && away) return absl::UnavailableError("away");
  if (payload == "kill") raise(SIGKILL);
  if (payload == "slow") absl::SleepFor(absl::Milliseconds(300));
  while (payload == "block" && blocked) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  return absl::OkStatus();
}

Handler Effects::handler() {
  return [this](pqxx::work& tx,
                absl::Span<const Message> messages) -> absl::Status {
    ++calls;
    if (static_cast<int>(messages.size()) > most_together) {
      most_together = static_cast<int>(messages.size());
    }
    pg::Array ids;
    pg::Array payloads;
    for (const Message& message : messages) {
      if (absl::Status status = One(message); !status.ok()) return status;
      ids.Add(message.event_id);
      payloads.Add(message.payload);
    }
    tx.exec_prepared("effects_insert", ids.text(), payloads.text());
    return absl::OkStatus();
  };
}

pg::PoolOptions EffectsPool(const std::string& dsn) {
  return {.dsn = dsn, .connections = 4, .prepare = [](pqxx::connection& c) {
            PrepareInbox(c);
            c.prepare("effects_insert",
                      "INSERT INTO effects (event_id, payload)"
                      " SELECT * FROM unnest($1::uuid[], $2::text[])");
          }};
}

std::string AnId(int number) {
  return absl::StrFormat("00000000-0000-7000-8000-%012d", number);
}

OutMessage AnEvent(const std::string& payload, const std::string& id) {
  return {.subject = "test.happened",
          .headers = {{"ce-id", id},
                      {"ce-type", "test.v1.Happened"},
                      {"ce-source", "test"},
                      {"ce-subject", id},
                      {"ce-time", "2026-01-02T03:04:05.678901Z"},
                      {"ce-specversion", "1.0"},
                      {"ce-aggregateversion", "1"}},
          .payload = payload};
}

EventsInTest::EventsInTest(bool own_postgres)
    : postgres_(own_postgres ? std::make_unique<test_support::PostgresServer>()
                             : nullptr),
      db_(Database(postgres_.get())),
      pool_(EffectsPool(db_->dsn())) {
  auto connected = JetStream::Connect({.url = nats_.url(), .name = "test"});
  EXPECT_THAT(connected, IsOk());
  jetstream_ = *std::move(connected);
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return jetstream_->connected(); }));
  Api("STREAM.CREATE.TEST", {{"name", "TEST"}, {"subjects", {"test.>"}}});
  CreateDurable();
}

void EventsInTest::CreateDurable(absl::Duration ack_wait) {
  Api("CONSUMER.DURABLE.CREATE.TEST.worker",
      {{"stream_name", "TEST"},
       {"config",
        {{"durable_name", "worker"},
         {"ack_policy", "explicit"},
         {"ack_wait", absl::ToInt64Nanoseconds(ack_wait)},
         {"max_ack_pending", 2000}}}});
}

void EventsInTest::DeleteDurable() { Api("CONSUMER.DELETE.TEST.worker"); }

json EventsInTest::Api(const std::string& method, const json& request) {
  const auto answer = jetstream_->Api(
      method, request.is_null() ? "" : request.dump(), absl::Seconds(10));
  EXPECT_THAT(answer, IsOk()) << method;
  return json::parse(answer.value_or("{}"));
}

void EventsInTest::Publish(const std::vector<std::string>& payloads,
                           int first) {
  std::vector<OutMessage> messages;
  for (const std::string& payload : payloads) {
    messages.push_back(AnEvent(payload, AnId(first++)));
  }
  PublishMessages(messages);
}

void EventsInTest::PublishMessages(const std::vector<OutMessage>& messages) {
  std::vector<OutMessage> left = messages;
  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] {
    std::vector<OutMessage> failed;
    const auto acks = jetstream_->PublishAll(left, absl::Seconds(5));
    for (size_t i = 0; i < acks.size(); ++i) {
      if (!acks[i].ok()) failed.push_back(left[i]);
    }
    left = failed;
    return left.empty();
  }));
}

std::unique_ptr<Consumer> EventsInTest::Consume(int max_attempts,
                                                int max_batch) {
  return std::make_unique<Consumer>(
      pool_, *jetstream_,
      ConsumerOptions{.stream = "TEST",
                      .durable = "worker",
                      .max_batch = max_batch,
                      .max_attempts = max_attempts},
      effects_.handler());
}

std::unique_ptr<Consumer> EventsInTest::ConsumeLazily(
    absl::Duration acknowledge_every) {
  return std::make_unique<Consumer>(
      pool_, *jetstream_,
      ConsumerOptions{.stream = "TEST",
                      .durable = "worker",
                      .acknowledge_every = acknowledge_every},
      effects_.handler());
}

int EventsInTest::Count(const std::string& from) const {
  int count = -1;
  EXPECT_TRUE(
      absl::SimpleAtoi(db_->Value("SELECT count(*) FROM " + from), &count));
  return count;
}

void EventsInTest::ExpectEffects(int count, absl::Duration within) {
  EXPECT_TRUE(Eventually(within, [&] { return Count("effects") >= count; }))
      << "only " << Count("effects") << " effects";
  EXPECT_EQ(Count("effects"), count);
  EXPECT_EQ(Count("(SELECT DISTINCT event_id FROM effects) AS events"), count)
      << "an event had two effects";
}

void EventsInTest::ExpectSettled(absl::Duration within) {
  // By sequence: what is pending is counted a moment after it is published.
  const json last = Api("STREAM.INFO.TEST")["state"]["last_seq"];
  json info;
  EXPECT_TRUE(Eventually(within, [&] {
    info = Api("CONSUMER.INFO.TEST.worker");
    return info["ack_floor"]["stream_seq"] >= last;
  })) << info;
}

int EventsInTest::InHand() {
  return Api("CONSUMER.INFO.TEST.worker")["num_ack_pending"];
}

int EventsInTest::Deliveries() {
  return Api("CONSUMER.INFO.TEST.worker")["delivered"]["consumer_seq"];
}

std::string EventsInTest::ParkedReason(int number) const {
  return db_->Value(absl::StrCat(
      "SELECT reason FROM dead_letters WHERE event_id = '", AnId(number), "'"));
}

double ConsumerMetric(const std::string& name) {
  for (absl::string_view line : absl::StrSplit(metrics::Text(), '\n')) {
    if (!absl::StartsWith(line, absl::StrCat(name, "{"))) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    double value = 0;
    if (absl::SimpleAtod(words.back(), &value)) return value;
  }
  return -1;
}

}  // namespace platform::events
