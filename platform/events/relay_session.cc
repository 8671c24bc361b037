#include "platform/events/relay_session.h"

#include <poll.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/clock.h"

#include "platform/pg/array.h"
#include "platform/pg/time.h"
#include "platform/planted/planted.h"

namespace platform::events {
namespace {

// The session's settings, and why:
//   synchronous_commit    a mark that is lost means an event published twice,
//                         under the same id; that is not worth an fsync
//   plan_cache_mode …     the plans must not change with the statistics of a
//                         table that is empty at one moment and full the next
//   statement_timeout     the role's is for requests; nobody waits for this
constexpr char kSettings[] = R"sql(
    SET synchronous_commit = off;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_sort = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;
    SET statement_timeout = '1min')sql";

constexpr char kChannel[] = "outbox";

// "outbox" in ASCII; advisory locks are per database.
constexpr int64_t kLockKey = 0x6f7574626f78;

// Marks are due so long after the first of them, and once they are so many.
constexpr absl::Duration kMarkAfter = absl::Milliseconds(100);
constexpr size_t kMostUnmarked = 256;

constexpr char kUnpublished[] = "platform_relay_unpublished";
// By NOT IN, which looks things up by hash, where `<> ALL` compares each.
constexpr char kUnpublishedSql[] = R"sql(, o.position
    FROM outbox AS o
    WHERE o.published_at IS NULL AND o.position > $3
      AND o.aggregate_id <> ALL ($2::uuid[])
      AND o.event_id NOT IN (SELECT unnest($4::uuid[]))
    ORDER BY o.position LIMIT $1)sql";

// A plan made while there are few must not be one that goes through all of them
// for every mark: it is kept when they are many. So neither `published_at IS
// NULL`, which has an index of its own, nor a plain `=`, for which a whole
// index may be read in its order.
constexpr char kMark[] = "platform_relay_mark";
constexpr char kMarkSql[] = R"sql(
    WITH acknowledged AS (
      UPDATE outbox_stream SET last_sequence = $4
      WHERE stream = $3 AND last_sequence < $4)
    UPDATE outbox SET published_at = now(), stream_sequence = mark.sequence
    FROM unnest($1::uuid[], $2::bigint[]) AS mark (event_id, sequence)
    WHERE outbox.event_id = ANY (ARRAY[mark.event_id])
      AND stream_sequence IS NULL)sql";

constexpr char kNoteStream[] = "platform_relay_note_stream";
constexpr char kNoteStreamSql[] = R"sql(
    INSERT INTO outbox_stream (stream, created_at, last_sequence)
    VALUES ($1, $2, 0)
    ON CONFLICT DO NOTHING)sql";

constexpr char kReadStream[] = "platform_relay_read_stream";
constexpr char kReadStreamSql[] = R"sql(
    SELECT created_at = $2, last_sequence
    FROM outbox_stream WHERE stream = $1)sql";

// No stream was created then.
constexpr char kDistrust[] = "platform_relay_distrust";
constexpr char kDistrustSql[] = R"sql(
    UPDATE outbox_stream SET created_at = '-infinity' WHERE stream = $1)sql";

// The oldest of those that the stream must still hold.
constexpr char kAnyBefore[] = "platform_relay_any_before";
constexpr char kAnyBeforeSql[] = R"sql(
    SELECT coalesce(
      (SELECT stream_sequence < $1 FROM outbox
       WHERE published_at > $2::timestamptz
       ORDER BY published_at LIMIT 1), false))sql";

// With thousands of sequences: only those of a literal are looked up by hash,
// those of a parameter are gone through for every row.
constexpr char kAnyAtSql[] = R"sql(
    SELECT EXISTS (
      SELECT FROM outbox
      WHERE published_at IS NOT NULL
        AND stream_sequence = ANY ('$0'::bigint[])))sql";

// Counts no further than kMostCounted: a long queue must not cost more to
// count than to publish.
constexpr char kDepth[] = "platform_relay_depth";
constexpr char kDepthSql[] = R"sql(
    SELECT
      (SELECT count(*) FROM (
         SELECT FROM outbox WHERE published_at IS NULL LIMIT $1) AS waiting),
      oldest.seconds, oldest.position
    FROM (SELECT) AS one LEFT JOIN (
      SELECT position,
             greatest(extract(epoch FROM now() - event_time), 0) AS seconds
      FROM outbox WHERE published_at IS NULL
      ORDER BY position LIMIT 1) AS oldest ON true)sql";

// A transaction locks the table before it takes a position, and unlocks it
// after what it wrote can be seen.
constexpr char kWriters[] = "platform_relay_writers";
constexpr char kWritersSql[] = R"sql(
    SELECT coalesce(array_agg(virtualtransaction), '{}'),
           coalesce(bool_or(virtualtransaction = ANY ($1::text[])), false)
    FROM pg_locks
    WHERE relation = 'outbox'::regclass AND mode = 'RowExclusiveLock'
      AND database = (SELECT oid FROM pg_database
                      WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid())sql";

}  // namespace

// Notes that a notification came.
class RelaySession::Ear : public pqxx::notification_receiver {
 public:
  explicit Ear(pqxx::connection& connection)
      : pqxx::notification_receiver(connection, kChannel) {}
  void operator()(const std::string& /*payload*/, int /*pid*/) override {
    heard = true;
  }
  bool heard = false;
};

RelaySession::RelaySession(const std::string& dsn) : connection_(dsn) {
  pqxx::nontransaction(connection_).exec(kSettings);
  connection_.prepare(kUnpublished,
                      absl::StrCat("SELECT", kOutboxColumns, kUnpublishedSql));
  if (planted::Is("relays_skip_locked")) {
    connection_.prepare("relay_shared",
                        absl::StrCat("SELECT", kOutboxColumns, kUnpublishedSql,
                                     " FOR UPDATE SKIP LOCKED"));
  }
  connection_.prepare(kMark, kMarkSql);
  connection_.prepare(kNoteStream, kNoteStreamSql);
  connection_.prepare(kReadStream, kReadStreamSql);
  connection_.prepare(kDistrust, kDistrustSql);
  connection_.prepare(kAnyBefore, kAnyBeforeSql);
  connection_.prepare(kWriters, kWritersSql);
  connection_.prepare(kDepth, kDepthSql);
  Retention::Prepare(connection_);
}

RelaySession::~RelaySession() = default;

bool RelaySession::TryLock() {
  if (planted::Is("relays_skip_locked")) return true;
  pqxx::nontransaction tx(connection_);
  return tx.exec_params1("SELECT pg_try_advisory_lock($1)", kLockKey)[0]
      .as<bool>();
}

void RelaySession::Notify() {
  pqxx::nontransaction(connection_).exec(absl::StrCat("NOTIFY ", kChannel));
}

void RelaySession::Listen() { ear_ = std::make_unique<Ear>(connection_); }

bool RelaySession::Notified() {
  connection_.get_notifs();
  const bool heard = ear_->heard;
  ear_->heard = false;
  return heard;
}

void RelaySession::Wait(std::initializer_list<int> fds,
                        absl::Duration timeout) {
  std::vector<pollfd> all = {{connection_.sock(), POLLIN, 0}};
  for (const int fd : fds) all.push_back({fd, POLLIN, 0});
  poll(all.data(), all.size(),
       static_cast<int>(absl::ToInt64Milliseconds(
           absl::Ceil(timeout, absl::Milliseconds(1)))));
}

std::vector<OutboxRow> RelaySession::Unpublished(
    int limit, const std::string& source,
    absl::Span<const std::string> without) {
  pg::Array excluded;
  for (const std::string& aggregate : without) excluded.Add(aggregate);
  pg::Array acknowledged;
  for (const Mark& mark : unmarked_) acknowledged.Add(mark.event_id);
  const int64_t floor =
      planted::Is("outbox_by_position") ? highest_seen_ : floor_;
  // Locked until they are marked, and skipped by the other relay.
  const bool share = planted::Is("relays_skip_locked");
  if (share) pqxx::nontransaction(connection_).exec("COMMIT; BEGIN");
  pqxx::nontransaction tx(connection_);
  const pqxx::result found =
      tx.exec_prepared(share ? "relay_shared" : kUnpublished, limit,
                       excluded.text(), floor, acknowledged.text());
  std::vector<OutboxRow> rows;
  rows.reserve(found.size());
  for (const pqxx::row& row : found) rows.push_back(RowOf(row, source));
  if (!found.empty()) {
    highest_seen_ = std::max(highest_seen_, found.back()[8].as<int64_t>());
  }
  return rows;
}

void RelaySession::Acknowledged(absl::Span<const Mark> marks) {
  if (marks.empty()) return;
  if (unmarked_.empty()) mark_by_ = absl::Now() + kMarkAfter;
  unmarked_.insert(unmarked_.end(), marks.begin(), marks.end());
  if (unmarked_.size() >= kMostUnmarked || planted::Is("relays_skip_locked")) {
    mark_by_ = absl::InfinitePast();
  }
}

bool RelaySession::WriteMarks(const std::string& stream) {
  if (unmarked_.empty()) return false;
  pg::Array ids;
  pg::Array sequences;
  uint64_t last = 0;
  for (const Mark& mark : unmarked_) {
    ids.Add(mark.event_id);
    sequences.Add(static_cast<int64_t>(mark.sequence));
    last = std::max(last, mark.sequence);
  }
  pqxx::nontransaction tx(connection_);
  tx.exec_prepared(kMark, ids.text(), sequences.text(), stream,
                   static_cast<int64_t>(last));
  if (planted::Is("relays_skip_locked")) tx.exec("COMMIT");
  unmarked_.clear();
  mark_by_ = absl::InfiniteFuture();
  return true;
}

RelaySession::StreamMemory RelaySession::Remember(const std::string& stream,
                                                  absl::Time created) {
  pqxx::nontransaction tx(connection_);
  const std::string time = pg::ToSql(created);
  tx.exec_prepared(kNoteStream, stream, time);
  const pqxx::row row = tx.exec_prepared1(kReadStream, stream, time);
  return {.same = row[0].as<bool>(),
          .last_sequence = static_cast<uint64_t>(row[1].as<int64_t>())};
}

bool RelaySession::AnyBefore(uint64_t first_sequence, absl::Time since) {
  pqxx::nontransaction tx(connection_);
  return tx
      .exec_prepared1(kAnyBefore, static_cast<int64_t>(first_sequence),
                      pg::ToSql(since))[0]
      .as<bool>();
}

bool RelaySession::AnyAt(absl::Span<const uint64_t> sequences) {
  pg::Array array;
  for (const uint64_t sequence : sequences) {
    array.Add(static_cast<int64_t>(sequence));
  }
  pqxx::nontransaction tx(connection_);
  return tx.exec1(absl::Substitute(kAnyAtSql, array.text()))[0].as<bool>();
}

void RelaySession::Distrust(const std::string& stream) {
  pqxx::nontransaction(connection_).exec_prepared(kDistrust, stream);
}

// True once none of `writers_` writes any more; then `writers_` are those who
// write now.
bool RelaySession::WritersEnded() {
  pqxx::nontransaction tx(connection_);
  const pqxx::row row = tx.exec_prepared1(kWriters, writers_);
  if (row[1].as<bool>()) return false;
  writers_ = row[0].c_str();
  return true;
}

RelaySession::Depth RelaySession::UnpublishedDepth() {
  if (WritersEnded()) {
    floor_ = next_floor_;
    next_floor_ = highest_seen_;
  }
  // After that, so that it sees what they wrote.
  pqxx::nontransaction tx(connection_);
  const pqxx::row row = tx.exec_prepared1(kDepth, kMostCounted);
  if (!row[2].is_null()) {
    const int64_t below_first = row[2].as<int64_t>() - 1;
    // Or the table was emptied and counts anew.
    if (below_first < floor_)
      floor_ = next_floor_ = highest_seen_ = below_first;
  }
  return {.events = row[0].as<int64_t>(),
          .oldest_seconds = row[1].is_null() ? 0 : row[1].as<double>()};
}

bool RelaySession::Forget(const Retention& retention) {
  pqxx::nontransaction tx(connection_);
  return retention.Step(tx);
}

}  // namespace platform::events
