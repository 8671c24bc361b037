// JetStream → inbox and handler in one transaction, on disk → ack.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"

#include "platform/events/jetstream.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace platform::events {

struct ConsumerOptions {
  std::string stream;    // e.g. COOK
  std::string durable;   // made by the provisioner; also names the inbox
  int max_batch = 128;   // messages per transaction, > 0
  int max_attempts = 8;  // failures before an event is parked, > 0
  // Zero: each transaction is on disk before its events are acknowledged. More:
  // commits do not wait for the disk; about this long after it was applied all
  // is put there together, and acknowledged. What a crash of Postgres undid
  // until then comes again and is applied again. Only for
  // handlers whose effects may be seen, undone by a crash of Postgres and seen
  // again: those that keep a copy of what others say, and append no events.
  absl::Duration acknowledge_every = absl::ZeroDuration();
};

// Takes events from one durable and applies each exactly once, on a thread of
// its own, while it lives. Shared durables share the work between replicas.
//
// Events that queue up are applied together; a failing batch is repeated one by
// one. Redelivered events are always applied alone and counted in Postgres
// before they are handled, so that one which crashes the process is parked too,
// and its neighbours are not. Parked: a row in `dead_letters`, then the broker
// is told never to deliver it again. While the database is away nothing is
// taken and nothing is counted. After each round the thread rests as long as it
// worked (50 ms at most), unless there was as much as a round can take. While
// what was applied cannot be put on disk (see `acknowledge_every`) nothing is
// taken either.
//
// Metrics: consumer_events_total{durable,stream,code},
// consumer_redelivered_total, consumer_parked_total, consumer_lag (events in
// the stream that this durable has not acknowledged), consumer_missing (1 while
// the durable does not exist), consumer_batch_seconds.
class Consumer {
 public:
  // `pool` and `jetstream` must outlive the consumer. `pool`'s connections must
  // have been prepared with PrepareInbox().
  Consumer(pg::Pool& pool, JetStream& jetstream, ConsumerOptions options,
           Handler handler);
  // Finishes what is in hand, then stops.
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace platform::events
