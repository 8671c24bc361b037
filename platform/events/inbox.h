// The inbox: which events were applied already.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace platform::events {

// Prepares the statements below. Call from PoolOptions::prepare.
void PrepareInbox(pqxx::connection& connection);

// When a commit returns.
enum class Commit {
  kDurable,  // when what it wrote is on disk
  kLazy,     // at once: a crash of Postgres may undo it (see PutOnDisk())
};

// In one transaction: notes `messages` in the inbox of `durable` and calls
// `handler` with those that were not there yet (not at all if none is left).
// Returns the handler's status; unless OK nothing was noted. An event whose
// note another has committed lazily is not put on disk.
absl::Status ApplyOnce(pg::Pool& pool, absl::string_view durable,
                       absl::Span<const Message> messages,
                       const Handler& handler,
                       Commit commit = Commit::kDurable);

// After lazy commits: puts everything on disk that is committed, unless the
// role or the server never waits for it, and returns which of `event_ids` are
// in the inbox of `durable`. One that is not was undone by a crash, with its
// effects.
absl::StatusOr<absl::flat_hash_set<std::string>> PutOnDisk(
    pg::Pool& pool, absl::string_view durable,
    absl::Span<const std::string> event_ids);

}  // namespace platform::events
