// What the tests of events in share: a database with a table of effects, a
// broker with the stream TEST and the durable `worker`, and a handler that does
// what an event's payload says.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "platform/events/consumer.h"
#include "platform/events/jetstream.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"

namespace platform::events {

// A row in `effects` for each event; not unique: an event that is applied twice
// shows. What a payload says:
//
//   poison    fails with INVALID_ARGUMENT
//   stubborn  fails with INTERNAL
//   early     fails with NOT_FOUND until `let_early_in`
//   throw     throws
//   away      fails with UNAVAILABLE while `away`
//   kill      kills the process
//   slow      takes 300 ms
//   block     does not return while `blocked`
class Effects {
 public:
  Handler handler();

  std::atomic<bool> let_early_in = false;
  std::atomic<bool> away = false;
  std::atomic<bool> blocked = false;
  std::atomic<int> calls = 0;
  std::atomic<int> most_together = 0;

 private:
  absl::Status One(const Message& message);
};

pg::PoolOptions EffectsPool(const std::string& dsn);

// An event of the wire format in proto/README.md.
OutMessage AnEvent(const std::string& payload, const std::string& id);
std::string AnId(int number);

class EventsInTest : public ::testing::Test {
 protected:
  // With a Postgres server of its own, to be stopped, if asked to.
  explicit EventsInTest(bool own_postgres = false);

  // Makes the durable `worker`, or makes it anew.
  void CreateDurable(absl::Duration ack_wait = absl::Seconds(30));
  void DeleteDurable();
  // Calls the JetStream API; the test fails if that fails.
  nlohmann::json Api(const std::string& method,
                     const nlohmann::json& request = nullptr);

  // Publishes events with these payloads and the ids AnId(first), …; all are
  // acknowledged in the end.
  void Publish(const std::vector<std::string>& payloads, int first = 1);
  void PublishMessages(const std::vector<OutMessage>& messages);

  std::unique_ptr<Consumer> Consume(int max_attempts = 3, int max_batch = 128);
  // One whose commits do not wait for the disk.
  std::unique_ptr<Consumer> ConsumeLazily(absl::Duration acknowledge_every);

  int Count(const std::string& table_and_condition) const;
  // Until there are `count` effects; then that no event has two.
  void ExpectEffects(int count, absl::Duration within = absl::Seconds(20));
  // Until all that the stream holds now is delivered and acknowledged.
  void ExpectSettled(absl::Duration within = absl::Seconds(20));
  // Events delivered and not acknowledged.
  int InHand();
  // How often events were delivered, each time counted.
  int Deliveries();
  std::string ParkedReason(int number) const;

  std::unique_ptr<test_support::PostgresServer> postgres_;
  std::unique_ptr<test_support::TestDatabase> db_;
  test_support::NatsServer nats_;
  pg::Pool pool_;
  std::unique_ptr<JetStream> jetstream_;
  Effects effects_;
};

// The value of `name{durable="worker",stream="TEST"…}`.
double ConsumerMetric(const std::string& name);

}  // namespace platform::events
