#include "platform/events/inbox.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_replace.h"

#include "platform/failpoint/failpoint.h"
#include "platform/pg/array.h"
#include "platform/planted/planted.h"

namespace platform::events {
namespace {

failpoint::Point after_note("inbox.after_note");
failpoint::Point after_handler("inbox.after_handler");

// In key order: two replicas with the same events in hand do not deadlock.
constexpr char kNote[] = "inbox_note";
constexpr char kNoteSql[] = R"sql(
    INSERT INTO inbox (durable, event_id)
    SELECT $1, event_id
    FROM unnest($2::uuid[]) AS t(event_id)
    ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id)sql";

// The same, and the commit will not wait for the disk.
constexpr char kNoteLazily[] = "inbox_note_lazily";
std::string NoteLazilySql() {
  return absl::StrReplaceAll(
      kNoteSql,
      {{"FROM unnest",
        "FROM set_config('synchronous_commit', 'off', /*is_local*/ true), "
        "unnest"}});
}

// Only a transaction that wrote something waits for the disk, and then for all
// that was committed before it: so a message that nobody reads.
constexpr char kPutOnDisk[] = "inbox_put_on_disk";
constexpr char kPutOnDiskSql[] = R"sql(
    SELECT asked.event_id
    FROM pg_logical_emit_message(/*transactional*/ true, 'inbox', ''),
        unnest($2::uuid[]) AS asked(event_id)
        CROSS JOIN LATERAL (
            SELECT FROM inbox
            WHERE durable = $1 AND event_id = asked.event_id
            LIMIT 1) AS noted)sql";

absl::flat_hash_set<std::string> FirstColumn(const pqxx::result& rows) {
  absl::flat_hash_set<std::string> result;
  result.reserve(rows.size());
  for (const pqxx::row& row : rows) result.insert(row[0].as<std::string>());
  return result;
}

}  // namespace

void PrepareInbox(pqxx::connection& connection) {
  connection.prepare(kNote, kNoteSql);
  connection.prepare(kNoteLazily, NoteLazilySql());
  connection.prepare(kPutOnDisk, kPutOnDiskSql);
}

absl::Status ApplyOnce(pg::Pool& pool, absl::string_view durable,
                       absl::Span<const Message> messages,
                       const Handler& handler, Commit commit) {
  if (messages.empty()) return absl::OkStatus();
  if (planted::Is("inbox_skipped")) {
    return pool.InTransaction(
        [&](pqxx::work& tx) { return handler(tx, messages); });
  }
  pg::Array ids;
  for (const Message& message : messages) ids.Add(message.event_id);
  return pool.InTransaction([&](pqxx::work& tx) -> absl::Status {
    absl::flat_hash_set<std::string> fresh = FirstColumn(
        tx.exec_prepared(commit == Commit::kLazy ? kNoteLazily : kNote,
                         std::string(durable), ids.text()));
    if (absl::Status s = after_note.Hit(); !s.ok()) return s;
    if (fresh.empty()) return absl::OkStatus();
    std::vector<Message> unseen;
    unseen.reserve(fresh.size());
    // Erased as they are taken: an event that is in hand twice is applied
    // once.
    for (const Message& message : messages) {
      if (fresh.erase(message.event_id) > 0) unseen.push_back(message);
    }
    absl::Status handled = handler(tx, unseen);
    return handled.ok() ? after_handler.Hit() : handled;
  });
}

absl::StatusOr<absl::flat_hash_set<std::string>> PutOnDisk(
    pg::Pool& pool, absl::string_view durable,
    absl::Span<const std::string> event_ids) {
  pg::Array ids;
  for (const std::string& id : event_ids) ids.Add(id);
  absl::flat_hash_set<std::string> noted;
  absl::Status written = pool.Write([&](pqxx::nontransaction& tx) {
    noted = FirstColumn(
        tx.exec_prepared(kPutOnDisk, std::string(durable), ids.text()));
    return absl::OkStatus();
  });
  if (!written.ok()) return written;
  return noted;
}

}  // namespace platform::events
