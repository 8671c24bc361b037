// From outbox rows to acknowledgements: what the relay and reconcile share.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "platform/events/jetstream.h"
#include "platform/pg/pool.h"

namespace platform::events {

// An outbox row on its way to the stream.
struct OutboxRow {
  std::string event_id;
  std::string aggregate_id;
  OutMessage message;
};

// The columns that RowOf() reads, in its order, of an outbox called `o`.
inline constexpr char kOutboxColumns[] = R"sql(
    o.event_id, o.aggregate_id, o.version, o.subject, o.event_type, o.payload,
    o.traceparent, (extract(epoch FROM o.event_time) * 1000000)::bigint)sql";

// Builds the message of a row with the headers that proto/README.md lists.
// `source` is ce-source. The message id is the event id followed by
// `id_suffix`: inside the stream's duplicate window a message is stored again
// only under another id.
OutboxRow RowOf(const pqxx::row& row, const std::string& source,
                absl::string_view id_suffix = "");

// Publishes `rows` (afterwards they are as before) pipelined, but with at most
// one unacknowledged event per aggregate in flight: first the first of each
// aggregate, then the second of each, and so on. Returns one result for each
// row, in order. What follows a failed event of the same aggregate is not
// published: `CANCELLED`. `timeout` is for each of those waves.
std::vector<absl::StatusOr<PublishAck>> PublishInWaves(
    JetStream& jetstream, absl::Span<OutboxRow> rows, absl::Duration timeout);

// True if the broker has looked at the message and will not have it, as opposed
// to being away.
bool IsRefusal(const absl::Status& status);

}  // namespace platform::events
