// How fast events come in: a broker, a database, a consumer whose handler does
// nothing. Prints the events per second of publishing (batches of 500) and of
// consuming (batches of 128), a few rounds of each, and the processor time that
// each took in this process, which a busy machine does not change much.
#include <atomic>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "platform/events/consumer.h"
#include "platform/events/inbox.h"
#include "platform/events/jetstream.h"
#include "platform/log/log.h"
#include "platform/pg/pool.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "platform_test/migrations/migrations.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"

ABSL_FLAG(int, events, 20000, "Events of each round.");
ABSL_FLAG(int, rounds, 3, "Rounds.");

namespace {

namespace events = platform::events;

constexpr absl::Duration kTimeout = absl::Seconds(30);

std::vector<events::OutMessage> Batch(int size) {
  std::vector<events::OutMessage> batch;
  for (int i = 0; i < size; ++i) {
    const std::string id = platform::NewUuid(platform::Now());
    batch.push_back({.subject = "test.happened",
                     .headers = {{"Nats-Msg-Id", id},
                                 {"ce-id", id},
                                 {"ce-type", "test.v1.Happened"},
                                 {"ce-source", "test"},
                                 {"ce-subject", id},
                                 {"ce-time", "2026-01-02T03:04:05.678901Z"},
                                 {"ce-specversion", "1.0"},
                                 {"ce-aggregateversion", "1"}},
                     .payload = std::string(120, 'x')});
  }
  return batch;
}

void Call(events::JetStream& jetstream, const std::string& method,
          const std::string& json) {
  const auto answer = jetstream.Api(method, json, kTimeout);
  if (!answer.ok()) test_support::Die(answer.status().ToString());
}

void Publish(events::JetStream& jetstream,
             const std::vector<std::vector<events::OutMessage>>& batches) {
  for (const auto& batch : batches) {
    for (const auto& ack : jetstream.PublishAll(batch, kTimeout)) {
      if (!ack.ok()) test_support::Die(ack.status().ToString());
    }
  }
}

// Runs `body`, which handles `count` events, and prints how fast it was.
void Measure(const char* what, int count, absl::FunctionRef<void()> body) {
  const absl::Time start = absl::Now();
  const std::clock_t cpu = std::clock();
  body();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  const double cpu_seconds =
      static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  std::printf("%-8s %8.0f/s %8.1f us of processor time each\n", what,
              count / seconds, cpu_seconds / count * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  // A line per event, as a service writes it.
  platform::log::Init("bench", platform::log::Level::kInfo, "order_id");
  const test_support::NatsServer nats;
  const test_support::TestDatabase db(platform_test::Migrations());
  platform::pg::Pool pool(
      {.dsn = db.dsn(), .connections = 4, .prepare = events::PrepareInbox});
  const auto jetstream =
      events::JetStream::Connect({.url = nats.url(), .name = "bench"});
  if (!jetstream.ok()) test_support::Die(jetstream.status().ToString());
  if (!test_support::Eventually(kTimeout,
                                [&] { return (*jetstream)->connected(); })) {
    test_support::Die("no connection");
  }
  Call(**jetstream, "STREAM.CREATE.TEST",
       R"({"name":"TEST","subjects":["test.>"],"storage":"file"})");
  Call(**jetstream, "CONSUMER.DURABLE.CREATE.TEST.worker",
       R"({"stream_name":"TEST","config":{"durable_name":"worker",
          "ack_policy":"explicit","max_ack_pending":2000}})");

  const int count = absl::GetFlag(FLAGS_events);
  for (int round = 1; round <= absl::GetFlag(FLAGS_rounds); ++round) {
    std::vector<std::vector<events::OutMessage>> batches;
    for (int made = 0; made < count; made += 500) batches.push_back(Batch(500));
    Measure("publish", count, [&] { Publish(**jetstream, batches); });
    Measure("consume", count, [&] {
      std::atomic<int> applied = 0;
      const events::Consumer consumer(
          pool, **jetstream, {.stream = "TEST", .durable = "worker"},
          [&](pqxx::work&, absl::Span<const events::Message> messages) {
            applied += static_cast<int>(messages.size());
            return absl::OkStatus();
          });
      if (!test_support::Eventually(absl::Minutes(2),
                                    [&] { return applied >= count; })) {
        test_support::Die("not all events came");
      }
    });
  }
  return 0;
}
