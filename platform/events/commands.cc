#include "platform/events/commands.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

#include "platform/events/inbox.h"
#include "platform/events/jetstream.h"
#include "platform/events/wire.h"
#include "platform/pg/array.h"

namespace platform::events {
namespace {

constexpr char kList[] = R"sql(
    SELECT event_id, subject, durable, stream, stream_sequence,
           to_char(parked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           reason
    FROM dead_letters
    WHERE redriven_at IS NULL
    ORDER BY parked_at, stream_sequence)sql";

// All that is parked, or only what is named.
constexpr char kParked[] = R"sql(
    SELECT durable, stream, stream_sequence, event_id, subject, headers::text,
           payload
    FROM dead_letters
    WHERE redriven_at IS NULL AND ($1 OR event_id = ANY ($2::text[]))
    ORDER BY parked_at, stream_sequence)sql";

constexpr char kRedriven[] = R"sql(
    UPDATE dead_letters
    SET redriven_at = now()
    WHERE durable = $1 AND stream = $2 AND stream_sequence = $3
          AND event_id = $4)sql";

constexpr char kForget[] = R"sql(
    DELETE FROM attempts WHERE durable = $1 AND event_id = $2)sql";

struct Parked {
  std::string event_id;  // as it was parked
  std::string durable;
  std::string stream;
  int64_t stream_sequence;
  InMessage in;
};

// One line, one column: who parked it does not shape our table.
std::string OneCell(absl::string_view text) {
  std::string cell(text);
  for (char& c : cell) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return cell;
}

absl::Status List(pg::Pool& pool) {
  std::string table =
      "event_id\tsubject\tdurable\tstream\tsequence\tparked_at\treason\n";
  absl::Status read = pool.Read([&](pqxx::nontransaction& tx) {
    std::string lines;
    for (const pqxx::row& row : tx.exec(kList)) {
      std::vector<std::string> cells;
      for (const pqxx::field& field : row) {
        cells.push_back(OneCell(field.c_str()));
      }
      absl::StrAppend(&lines, absl::StrJoin(cells, "\t"), "\n");
    }
    table += lines;
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  std::fputs(table.c_str(), stdout);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Parked>> Find(pg::Pool& pool, bool all,
                                         absl::Span<const std::string> ids) {
  pg::Array wanted;
  for (const std::string& id : ids) wanted.Add(id);
  std::vector<Parked> found;
  absl::Status read = pool.Read([&](pqxx::nontransaction& tx) {
    found.clear();
    for (const pqxx::row& row : tx.exec_params(kParked, all, wanted.text())) {
      Parked parked{.event_id = row[3].as<std::string>(),
                    .durable = row[0].as<std::string>(),
                    .stream = row[1].as<std::string>(),
                    .stream_sequence = row[2].as<int64_t>(),
                    .in = {}};
      parked.in.subject = row[4].as<std::string>();
      const nlohmann::json headers =
          nlohmann::json::parse(row[5].as<std::string>());
      for (const auto& [name, value] : headers.items()) {
        parked.in.headers.emplace_back(name, value.get<std::string>());
      }
      parked.in.payload = pqxx::binarystring(row[6]).str();
      found.push_back(std::move(parked));
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return found;
}

// Applies one parked event as its consumer would have.
absl::Status Redrive(pg::Pool& pool, const Parked& parked,
                     absl::Span<const Subscription> subscriptions) {
  const absl::StatusOr<Message> message = ParseMessage(parked.in);
  if (!message.ok()) return message.status();
  for (const Subscription& subscription : subscriptions) {
    if (subscription.durable != parked.durable ||
        subscription.stream != parked.stream) {
      continue;
    }
    absl::Status applied =
        ApplyOnce(pool, parked.durable, {&*message, 1}, subscription.handler);
    if (!applied.ok()) return applied;
    return pool.InTransaction([&](pqxx::work& tx) {
      tx.exec_params(kRedriven, parked.durable, parked.stream,
                     parked.stream_sequence, parked.event_id);
      tx.exec_params(kForget, parked.durable, message->event_id);
      return absl::OkStatus();
    });
  }
  return absl::NotFoundError(absl::StrCat(
      "this service no longer hears ", parked.stream, " as ", parked.durable));
}

absl::Status RedriveAll(pg::Pool& pool,
                        absl::Span<const Subscription> subscriptions,
                        absl::Span<const std::string> ids) {
  const bool all = ids.size() == 1 && (ids[0] == "all" || ids[0] == "--all");
  const absl::StatusOr<std::vector<Parked>> found = Find(pool, all, ids);
  if (!found.ok()) return found.status();
  for (const std::string& id : ids) {
    const bool known = std::any_of(
        found->begin(), found->end(),
        [&](const Parked& parked) { return parked.event_id == id; });
    if (!all && !known) {
      return absl::NotFoundError(absl::StrCat("no event ", id, " is parked"));
    }
  }
  size_t failed = 0;
  for (const Parked& parked : *found) {
    const absl::Status status = Redrive(pool, parked, subscriptions);
    std::printf("%s\t%s\t%s\n", OneCell(parked.event_id).c_str(),
                OneCell(parked.in.subject).c_str(),
                status.ok() ? "applied" : OneCell(status.ToString()).c_str());
    if (!status.ok()) ++failed;
  }
  if (failed == 0) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(failed, " of ", found->size(),
                                         " events could not be applied"));
}

}  // namespace

std::string AdminName(absl::string_view service) {
  return absl::StrCat(service, "-admin");
}

absl::Status DeadLettersCommand(pg::Pool& pool,
                                absl::Span<const Subscription> subscriptions,
                                absl::Span<const std::string> args) {
  if (args.size() == 1 && args[0] == "list") return List(pool);
  if (args.size() >= 2 && args[0] == "redrive") {
    return RedriveAll(pool, subscriptions, args.subspan(1));
  }
  return absl::InvalidArgumentError(
      "usage: dead-letters list | dead-letters redrive all | "
      "dead-letters redrive <event_id>…");
}

}  // namespace platform::events
