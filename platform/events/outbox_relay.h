// Outbox → JetStream, in order, one at a time per database.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"

#include "platform/events/jetstream.h"
#include "platform/thread/event_fd.h"

namespace platform::events {

struct RelayOptions {
  std::string dsn;     // a direct connection: no transaction pooler in between
  std::string stream;  // where this service's events go
  std::string source;  // ce-source
  int batch = 500;     // events per round, > 0
  // How long published rows stay in the outbox, and applied ids in the inbox.
  // The inbox must outlive the streams and the outbox.
  absl::Duration keep_outbox = absl::Hours(24 * 8);
  absl::Duration keep_inbox = absl::Hours(24 * 30);
  bool repair = false;  // publish again, by itself, what the stream has lost
  // Set it after every commit that may have appended to the outbox
  // (pg::PoolOptions::after_commit).
  std::shared_ptr<EventFd> committed = std::make_shared<EventFd>();
};

// Publishes what the outbox holds, on a thread of its own, while it lives.
//
// Of all replicas one is active: the one that holds a session advisory lock.
// When its session ends another takes over; what the old one still publishes is
// harmless, it has the same event ids. An event is published only after every
// earlier one of its aggregate was acknowledged, and marked only from the
// acknowledgement, with the next round after a tenth of a second: a crash
// before that means that it is published twice. The broker away means that
// events wait. An event that the broker refuses (too big for the stream, say)
// waits too, and the next ones of its aggregate behind it; others go on.
//
// The active one also compares the stream with what it acknowledged, every few
// seconds and by a handful of numbers: created anew, sequences that went back,
// gaps, or a beginning that is gone too early raise the alarm
// `outbox_stream_reset`, which lasts until the stream was reconciled; with
// `repair` it does that itself, beside its work.
//
// Woken by `committed`; the waiting ones pass it on to the active one by
// NOTIFY. With a poll every second as fallback. Metrics: outbox_depth,
// outbox_oldest_seconds, outbox_published_total, outbox_duplicates_total,
// outbox_publish_failures_total, outbox_refused, outbox_stream_reset,
// outbox_repairs_total, relay_active (docs/operations.md).
class OutboxRelay {
 public:
  // `jetstream` must outlive the relay.
  OutboxRelay(RelayOptions options, JetStream& jetstream);
  // Stops at once, or when a repair that is under way has ended its step (a
  // statement, or some 20 s of a silent broker); what is unpublished stays for
  // the next one.
  ~OutboxRelay();
  OutboxRelay(const OutboxRelay&) = delete;
  OutboxRelay& operator=(const OutboxRelay&) = delete;

  // Blocks until the outbox is empty, if this relay is the active one, or
  // `timeout` has passed. Call before stopping.
  void Flush(absl::Duration timeout);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace platform::events
