// What the tests of events share: a database, a broker, a stream.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

#include "platform/events/inbox.h"
#include "platform/events/jetstream.h"
#include "platform/events/outbox.h"
#include "platform/events/outbox_relay.h"
#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"

namespace platform::events {

// Passes everything on, keeps a record of what was published, and lets a test
// fail it.
class RecordingJetStream : public JetStream {
 public:
  explicit RecordingJetStream(JetStream& real) : real_(real) {}

  bool connected() const override { return real_.connected(); }
  std::vector<absl::StatusOr<PublishAck>> PublishAll(
      absl::Span<const OutMessage> messages, absl::Duration timeout) override;
  absl::Status Send(const std::string& subject,
                    absl::string_view payload) override {
    return real_.Send(subject, payload);
  }
  absl::StatusOr<std::string> Api(absl::string_view method,
                                  absl::string_view json,
                                  absl::Duration timeout) override {
    return real_.Api(method, json, timeout);
  }
  bool Flush(absl::Duration timeout) override { return real_.Flush(timeout); }
  absl::StatusOr<std::unique_ptr<Pull>> PullFrom(
      const std::string& stream, const std::string& consumer) override {
    return real_.PullFrom(stream, consumer);
  }

  // What this one was asked to publish.
  int published() const { return published_; }
  // Acknowledgements that said the message was known already.
  int duplicates() const { return duplicates_; }
  // The most events of one aggregate that were ever in flight together.
  int most_in_flight() const { return most_in_flight_; }

 private:
  JetStream& real_;
  std::atomic<int> published_ = 0;
  std::atomic<int> duplicates_ = 0;
  std::atomic<int> most_in_flight_ = 0;
};

// A test with a database of its own, a broker of its own, and on it the stream
// TEST of the subjects `test.>`.
class EventsTest : public ::testing::Test {
 protected:
  EventsTest();

  // An event `version` of the aggregate number `aggregate`.
  static OutboxEvent Event(int aggregate, int64_t version,
                           std::string payload = "payload");
  static std::string AggregateId(int aggregate);

  // Appends in a transaction of its own.
  absl::Status AppendAll(const std::vector<OutboxEvent>& events);
  // True once every event of the outbox is marked.
  bool AllPublished();

  RelayOptions Relay() const;

  // Makes (or makes anew) the stream; `more` is merged into its configuration.
  void CreateStream(const std::string& more = "{}");
  void DeleteStream();
  // Calls the JetStream API; the test fails if that fails.
  std::string Api(const std::string& method, const std::string& json);

  // `ce-subject`/`ce-aggregateversion` of everything in the stream, in order.
  std::vector<std::pair<std::string, int64_t>> InStream();
  std::vector<InMessage> Messages();

  test_support::TestDatabase db_;
  test_support::NatsServer nats_;
  // Set by AppendAll(), heard by who has Relay()'s options.
  const std::shared_ptr<EventFd> committed_ = std::make_shared<EventFd>();
  pg::Pool pool_;
  std::unique_ptr<JetStream> jetstream_;
};

// The value of the gauge or counter `name`, without labels.
double Metric(const std::string& name);

}  // namespace platform::events
