// Compares the outbox with the stream, and publishes again what was lost: for
// the command and for the relay that does it by itself.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"

#include "platform/events/jetstream.h"

namespace platform::events {

struct ReconcileRun {
  std::string dsn;
  std::string stream;
  std::string source;    // ce-source
  std::string consumer;  // what reads the stream, while it runs
  bool repair = false;   // publish what is missing again
  std::function<void(const std::string& line)> say;   // the report
  std::function<bool()> stop = [] { return false; };  // asked now and then
};

// Bounded memory, whatever the stream holds. Fails with `DATA_LOSS` if
// something is missing and was not repaired, `ABORTED` if the stream lost
// something meanwhile (run it again), `CANCELLED` if it was stopped,
// `FAILED_PRECONDITION` if another repair of this database is running.
absl::Status Reconcile(const ReconcileRun& run, JetStream& jetstream);

}  // namespace platform::events
