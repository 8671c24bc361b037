#include "platform/events/inbox.h"

#include "absl/container/flat_hash_set.h"

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

}  // namespace

void PrepareInbox(pqxx::connection& connection) {
  connection.prepare(kNote, kNoteSql);
}

absl::Status ApplyOnce(pg::Pool& pool, absl::string_view durable,
                       absl::Span<const Message> messages,
                       const Handler& handler, const Announce& announce) {
  if (messages.empty()) return absl::OkStatus();
  if (planted::Is("inbox_skipped")) {
    return pool.InTransaction(
        [&](pqxx::work& tx) { return handler(tx, messages); });
  }
  pg::Array ids;
  for (const Message& message : messages) ids.Add(message.event_id);
  absl::Status applied =
      pool.InTransaction([&](pqxx::work& tx) -> absl::Status {
        absl::flat_hash_set<std::string> fresh;
        for (const pqxx::row& row :
             tx.exec_prepared(kNote, std::string(durable), ids.text())) {
          fresh.insert(row[0].as<std::string>());
        }
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
  if (!applied.ok() || !announce) return applied;
  const absl::Status announced = announce(pool, messages);
  // Never the event's fault: it is applied.
  return announced.ok() ? applied : absl::UnavailableError(announced.message());
}

}  // namespace platform::events
