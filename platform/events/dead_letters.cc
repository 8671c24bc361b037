#include "platform/events/dead_letters.h"

#include "nlohmann/json.hpp"

#include "platform/pg/array.h"

namespace platform::events {
namespace {

constexpr char kPark[] = R"sql(
    INSERT INTO dead_letters (durable, stream, stream_sequence, event_id,
                              subject, headers, payload, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING)sql";

// Of an event id that is none; it is part of the key, and an index takes no
// more than some 2,700 bytes. The headers have all of it.
constexpr size_t kMostOfId = 100;

constexpr char kCount[] = R"sql(
    INSERT INTO attempts AS a (durable, event_id, count)
    VALUES ($1, $2, 1)
    ON CONFLICT (durable, event_id)
    DO UPDATE SET count = a.count + 1, counted_at = now()
    RETURNING count)sql";

constexpr char kTakeBack[] = R"sql(
    UPDATE attempts
    SET count = count - 1
    WHERE durable = $1 AND event_id = ANY ($2::text[]) AND count > 0)sql";

// JSON text that Postgres can store whatever the bytes were: it has no place
// for invalid UTF-8, nor for NUL.
std::string Readable(const nlohmann::json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true,
                    nlohmann::json::error_handler_t::replace);
}

std::string WithoutNul(std::string text) {
  for (char& c : text) {
    if (c == '\0') c = '?';
  }
  return text;
}

// The same for a text column.
std::string Text(const std::string& bytes) {
  return nlohmann::json::parse(Readable(WithoutNul(bytes))).get<std::string>();
}

}  // namespace

absl::Status Park(pg::Pool& pool, const DeadLetter& letter) {
  nlohmann::json headers = nlohmann::json::object();
  for (const auto& [name, value] : letter.headers) {
    headers[Text(name)] = Text(value);
  }
  return pool.InTransaction([&](pqxx::work& tx) {
    tx.exec_params(kPark, letter.durable, letter.stream,
                   static_cast<int64_t>(letter.stream_sequence),
                   Text(letter.event_id.substr(0, kMostOfId)),
                   Text(letter.subject), Readable(headers),
                   pqxx::binarystring(letter.payload), Text(letter.reason));
    return absl::OkStatus();
  });
}

absl::StatusOr<int> CountAttempt(pg::Pool& pool, absl::string_view durable,
                                 absl::string_view event_id) {
  int count = 0;
  absl::Status status = pool.InTransaction([&](pqxx::work& tx) {
    count = tx.exec_params1(kCount, std::string(durable),
                            Text(std::string(event_id)))[0]
                .as<int>();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return count;
}

absl::Status TakeBackAttempts(pg::Pool& pool, absl::string_view durable,
                              absl::Span<const std::string> event_ids) {
  pg::Array ids;
  for (const std::string& id : event_ids) ids.Add(Text(id));
  return pool.InTransaction([&](pqxx::work& tx) {
    tx.exec_params(kTakeBack, std::string(durable), ids.text());
    return absl::OkStatus();
  });
}

}  // namespace platform::events
