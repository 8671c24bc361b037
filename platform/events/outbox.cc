#include "platform/events/outbox.h"

#include "platform/pg/array.h"

namespace platform::events {
namespace {

constexpr char kAppend[] = "platform_outbox_append";
constexpr char kAppendSql[] = R"sql(
    INSERT INTO outbox (event_id, aggregate_id, version, subject, event_type,
                        payload, traceparent, event_time)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[],
                         $5::text[], $6::bytea[], $7::text[],
                         $8::timestamptz[]))sql";

}  // namespace

void PrepareOutbox(pqxx::connection& connection) {
  connection.prepare(kAppend, kAppendSql);
}

void Append(pqxx::transaction_base& tx, absl::Span<const OutboxEvent> events) {
  if (events.empty()) return;
  pg::Array ids;
  pg::Array aggregates;
  pg::Array versions;
  pg::Array subjects;
  pg::Array types;
  pg::Array payloads;
  pg::Array traces;
  pg::Array times;
  for (const OutboxEvent& event : events) {
    ids.Add(event.event_id);
    aggregates.Add(event.aggregate_id);
    versions.Add(event.version);
    subjects.Add(event.subject);
    types.Add(event.type);
    payloads.AddBytes(event.payload);
    traces.Add(event.traceparent);
    times.AddTime(event.time);
  }
  tx.exec_prepared(kAppend, ids.text(), aggregates.text(), versions.text(),
                   subjects.text(), types.text(), payloads.text(),
                   traces.text(), times.text());
}

}  // namespace platform::events
