// `mypage rebuild`: the projection anew from the streams, while reads go on.
//
//   1. make shadow tables, of views and inbox, beside the live ones
//   2. apply every event that the streams hold to them, from the beginning
//   3. copy from the live views the entries of events that the streams no
//      longer hold
//   4. apply what came meanwhile, again and again, until little is left
//   5. pause the appliers of all replicas (shadow_tables.h), apply the rest up
//      to each stream's last sequence, repeat 3 for what changed, swap both
//      tables in one transaction, which also ends the pause
//
// Whatever goes wrong before the end of 5 leaves the live tables as they were;
// the next rebuild starts clean. Where both know an event, the streams are
// right; nothing that the live views alone know is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "platform/events/commands.h"
#include "platform/events/jetstream.h"

namespace mypage {

struct RebuildOptions {
  std::string dsn;  // with the role that owns the tables
  // The name is also that of the consumers it makes for a while.
  platform::events::JetStreamOptions nats;
  // What to read and how. All have one durable.
  std::vector<platform::events::Subscription> subscriptions;
  // Gets every line of progress, and of the summary at the end.
  std::function<void(const std::string& line)> say;
};

// Fails with `FAILED_PRECONDITION` / `REBUILD_RUNNING` if another one runs.
absl::Status Rebuild(const RebuildOptions& options);

}  // namespace mypage
