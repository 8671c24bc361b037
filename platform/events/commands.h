// Subcommands that every service's binary has, for operators.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "platform/config/common_flags.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace platform::events {

// Which handler applies the events of which durable; for redrive.
struct Subscription {
  std::string stream;
  std::string durable;
  Handler handler;
};

// How the subcommands of `service` that read whole streams (reconcile, rebuild)
// call their consumer, and the broker's user who may have it.
std::string AdminName(absl::string_view service);

// `dead-letters list`: prints parked events, one line each, to stdout.
// `dead-letters redrive (all | <event_id>…)` as `args`: applies them again,
// through the inbox, and removes those that succeed from the parked. Fails if
// one could not be applied.
absl::Status DeadLettersCommand(pg::Pool& pool,
                                absl::Span<const Subscription> subscriptions,
                                absl::Span<const std::string> args);

// `reconcile [--repair]`: compares the outbox with the stream, prints what the
// stream has lost, and with `repair` publishes it again with new message ids.
// Fails with `DATA_LOSS` if something is missing and was not repaired.
struct ReconcileOptions {
  std::string dsn;  // of the role that owns the tables
  NatsConfig nats;
  std::string stream;
  std::string source;  // the service; it connects as AdminName(source)
  bool repair = false;
};
absl::Status ReconcileCommand(const ReconcileOptions& options);

}  // namespace platform::events
