#include "platform/events/retention.h"

namespace platform::events {
namespace {

// The rows one statement deletes.
constexpr int kBatch = 1000;

// Every statement takes the seconds to keep and the most rows to delete.
constexpr struct {
  const char* name;
  const char* sql;
} kOutbox = {"platform_retain_outbox", R"sql(
    DELETE FROM outbox WHERE event_id = ANY (ARRAY(
      SELECT event_id FROM outbox
      WHERE published_at IS NOT NULL
        AND published_at < now() - make_interval(secs => $1)
      ORDER BY published_at LIMIT $2)))sql"};

constexpr struct {
  const char* name;
  const char* sql;
} kOthers[] = {
    {"platform_retain_inbox", R"sql(
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM inbox
      WHERE applied_at < now() - make_interval(secs => $1) LIMIT $2)))sql"},
    {"platform_retain_attempts", R"sql(
    DELETE FROM attempts WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM attempts
      WHERE counted_at < now() - make_interval(secs => $1) LIMIT $2)))sql"},
    {"platform_retain_dead_letters", R"sql(
    DELETE FROM dead_letters WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM dead_letters
      WHERE redriven_at < now() - make_interval(secs => $1) LIMIT $2)))sql"},
};

}  // namespace

Retention::Retention(absl::Duration keep_outbox, absl::Duration keep_inbox)
    : keep_outbox_seconds_(absl::ToDoubleSeconds(keep_outbox)),
      keep_inbox_seconds_(absl::ToDoubleSeconds(keep_inbox)) {}

void Retention::Prepare(pqxx::connection& connection) {
  connection.prepare(kOutbox.name, kOutbox.sql);
  for (const auto& other : kOthers) connection.prepare(other.name, other.sql);
}

bool Retention::Step(pqxx::transaction_base& tx) const {
  bool more = false;
  const auto run = [&](const char* name, double keep_seconds) {
    const pqxx::result deleted = tx.exec_prepared(name, keep_seconds, kBatch);
    if (deleted.affected_rows() >= kBatch) more = true;
  };
  run(kOutbox.name, keep_outbox_seconds_);
  for (const auto& other : kOthers) run(other.name, keep_inbox_seconds_);
  return more;
}

}  // namespace platform::events
