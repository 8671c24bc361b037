#include "platform/events/retention.h"

namespace platform::events {
namespace {

// The rows one statement deletes.
constexpr int kBatch = 1000;

// Every statement takes the seconds to keep and the most rows to delete, and
// returns how many those were. Who serves may not delete from the outbox or the
// dead letters: migrations/V002__forget_by_function.sql.
constexpr struct {
  const char* name;
  const char* sql;
} kOutbox = {"platform_retain_outbox", "SELECT forget_published($1, $2)"};

constexpr struct {
  const char* name;
  const char* sql;
} kOthers[] = {
    {"platform_retain_inbox", R"sql(
    WITH gone AS (
      DELETE FROM inbox WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM inbox
        WHERE applied_at < now() - make_interval(secs => $1) LIMIT $2))
      RETURNING 1)
    SELECT count(*) FROM gone)sql"},
    {"platform_retain_attempts", R"sql(
    WITH gone AS (
      DELETE FROM attempts WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM attempts
        WHERE counted_at < now() - make_interval(secs => $1) LIMIT $2))
      RETURNING 1)
    SELECT count(*) FROM gone)sql"},
    {"platform_retain_dead_letters", "SELECT forget_redriven($1, $2)"},
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
    const pqxx::row deleted = tx.exec_prepared1(name, keep_seconds, kBatch);
    if (deleted[0].as<int>() >= kBatch) more = true;
  };
  run(kOutbox.name, keep_outbox_seconds_);
  for (const auto& other : kOthers) run(other.name, keep_inbox_seconds_);
  return more;
}

}  // namespace platform::events
