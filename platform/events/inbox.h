// The inbox: which events were applied already.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace platform::events {

// Prepares the statements below. Call from PoolOptions::prepare.
void PrepareInbox(pqxx::connection& connection);

// In one transaction: notes `messages` in the inbox of `durable` and calls
// `handler` with those that were not there yet (not at all if none is left).
// Returns the handler's status; unless OK nothing was noted. After the commit,
// calls `announce`, if there is one, with all of them and returns its status.
absl::Status ApplyOnce(pg::Pool& pool, absl::string_view durable,
                       absl::Span<const Message> messages,
                       const Handler& handler,
                       const Announce& announce = nullptr);

}  // namespace platform::events
