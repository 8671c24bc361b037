#include "tests/integration/platform/events_fixture.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"

#include "platform/events/stream_info.h"
#include "platform/events/stream_reader.h"
#include "platform/metrics/metrics.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "platform_test/migrations/migrations.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using test_support::Eventually;
using test_support::IsOk;

pg::PoolOptions PoolFor(const std::string& dsn,
                        std::shared_ptr<EventFd> committed) {
  return {
      .dsn = dsn,
      .connections = 8,
      .prepare =
          [](pqxx::connection& c) {
            PrepareOutbox(c);
            PrepareInbox(c);
          },
      .after_commit = [committed = std::move(committed)] { committed->Set(); }};
}

absl::string_view HeaderOf(const OutMessage& message, absl::string_view name) {
  for (const auto& [key, value] : message.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

std::vector<absl::StatusOr<PublishAck>> RecordingJetStream::PublishAll(
    absl::Span<const OutMessage> messages, absl::Duration timeout) {
  published_ += static_cast<int>(messages.size());
  std::map<absl::string_view, int> in_flight;
  for (const OutMessage& message : messages) {
    const int now = ++in_flight[HeaderOf(message, "ce-subject")];
    most_in_flight_ = std::max(most_in_flight_.load(), now);
  }
  auto acks = real_.PublishAll(messages, timeout);
  for (const auto& ack : acks) {
    if (ack.ok() && ack->duplicate) ++duplicates_;
  }
  return acks;
}

EventsTest::EventsTest()
    : db_(platform_test::Migrations()), pool_(PoolFor(db_.dsn(), committed_)) {
  auto connected = JetStream::Connect({.url = nats_.url(), .name = "test"});
  EXPECT_THAT(connected, IsOk());
  jetstream_ = *std::move(connected);
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return jetstream_->connected(); }));
  CreateStream();
}

std::string EventsTest::AggregateId(int aggregate) {
  return absl::StrFormat("00000000-0000-7000-8000-%012d", aggregate);
}

OutboxEvent EventsTest::Event(int aggregate, int64_t version,
                              std::string payload) {
  const absl::Time now = Now();
  return {.event_id = NewUuid(now),
          .aggregate_id = AggregateId(aggregate),
          .version = version,
          .subject = "test.happened",
          .type = "test.v1.Happened",
          .payload = std::move(payload),
          .time = now,
          .traceparent = ""};
}

absl::Status EventsTest::AppendAll(const std::vector<OutboxEvent>& events) {
  return pool_.InTransaction([&](pqxx::work& tx) {
    Append(tx, events);
    return absl::OkStatus();
  });
}

bool EventsTest::AllPublished() {
  return db_.Value("SELECT count(*) FROM outbox WHERE published_at IS NULL") ==
         "0";
}

RelayOptions EventsTest::Relay() const {
  return {.dsn = db_.dsn(),
          .stream = "TEST",
          .source = "test-source",
          .committed = committed_};
}

void EventsTest::CreateStream(const std::string& more) {
  nlohmann::json config = {{"name", "TEST"},
                           {"subjects", {"test.>"}},
                           {"storage", "file"},
                           {"num_replicas", 1},
                           {"retention", "limits"},
                           {"duplicate_window", int64_t{120} * 1'000'000'000}};
  config.update(nlohmann::json::parse(more));
  Api("STREAM.CREATE.TEST", config.dump());
}

void EventsTest::DeleteStream() { Api("STREAM.DELETE.TEST", ""); }

std::string EventsTest::Api(const std::string& method,
                            const std::string& json) {
  const auto answer = jetstream_->Api(method, json, absl::Seconds(10));
  EXPECT_THAT(answer, IsOk()) << method;
  return answer.value_or("");
}

std::vector<InMessage> EventsTest::Messages() {
  std::vector<InMessage> result;
  const auto info = GetStreamInfo(*jetstream_, "TEST");
  EXPECT_THAT(info, IsOk());
  if (!info.ok()) return result;
  EXPECT_THAT(ReadStream(*jetstream_, "TEST", "test", *info,
                         [&](const InMessage& message) {
                           result.push_back(message);
                           return absl::OkStatus();
                         }),
              IsOk());
  return result;
}

std::vector<std::pair<std::string, int64_t>> EventsTest::InStream() {
  std::vector<std::pair<std::string, int64_t>> result;
  for (const InMessage& message : Messages()) {
    int64_t version = 0;
    EXPECT_TRUE(
        absl::SimpleAtoi(message.Header("ce-aggregateversion"), &version));
    result.emplace_back(std::string(message.Header("ce-subject")), version);
  }
  return result;
}

double Metric(const std::string& name) {
  for (absl::string_view line : absl::StrSplit(metrics::Text(), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    double value = 0;
    if (words.size() >= 2 && words[0] == name &&
        absl::SimpleAtod(words[1], &value)) {
      return value;
    }
  }
  return -1;
}

}  // namespace platform::events
