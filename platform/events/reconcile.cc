#include "platform/events/reconcile.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "platform/events/commands.h"
#include "platform/events/jetstream.h"
#include "platform/events/outbox_publish.h"
#include "platform/events/stream_info.h"
#include "platform/events/stream_reader.h"
#include "platform/failpoint/failpoint.h"
#include "platform/pg/array.h"
#include "platform/pg/connection.h"
#include "platform/pg/pool.h"
#include "platform/pg/time.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"

namespace platform::events {
namespace {

failpoint::Point before_repair("reconcile.before_publish");
failpoint::Point before_repair_mark("reconcile.before_mark");

constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
constexpr absl::Duration kRepairTimeout = absl::Seconds(10);
constexpr int kPresentBatch = 5000;  // ids per statement
constexpr int kRepairBatch = 500;    // events per round
constexpr int kShown = 20;           // missing events in the report

// The key is "repair" in ASCII; for as long as the session lives.
constexpr char kTryLock[] =
    "SELECT pg_try_advisory_lock(x'726570616972'::bigint)";

constexpr char kTables[] = R"sql(
    CREATE TEMP TABLE present (event_id uuid);
    CREATE TEMP TABLE missing (
      event_id uuid, position bigint PRIMARY KEY))sql";

constexpr char kAddPresent[] = R"sql(
    INSERT INTO present SELECT unnest($1::uuid[]))sql";

constexpr char kMemory[] = R"sql(
    SELECT created_at, created_at = $2, last_sequence
    FROM outbox_stream WHERE stream = $1)sql";

// What the stream dropped by its own limits is before its first sequence, was
// published to this very stream, and is older than what it keeps. The second
// allows for two clocks: the broker's `created`, Postgres' `published_at`.
constexpr char kFindMissing[] = R"sql(
    INSERT INTO missing
    SELECT event_id, position FROM outbox
    WHERE published_at <= $1
      AND (stream_sequence >= $2
           OR stream_sequence > $3
           OR published_at < $4::timestamptz + interval '1 second'
           OR published_at > $5::timestamptz)
      AND NOT EXISTS (
        SELECT FROM present WHERE present.event_id = outbox.event_id))sql";

constexpr char kCounts[] = R"sql(
    SELECT count(*) FILTER (WHERE published_at IS NOT NULL),
           count(*) FILTER (WHERE published_at IS NULL),
           coalesce(max(stream_sequence) FILTER (WHERE published_at <= $1), 0),
           (SELECT count(*) FROM missing)
    FROM outbox)sql";

constexpr char kShow[] = R"sql(
    SELECT o.event_id, o.subject, o.aggregate_id, o.version, o.stream_sequence,
           o.published_at
    FROM missing JOIN outbox AS o USING (event_id)
    ORDER BY missing.position LIMIT $1)sql";

constexpr char kMarkRepaired[] = R"sql(
    UPDATE outbox SET published_at = now(), stream_sequence = mark.sequence
    FROM unnest($1::uuid[], $2::bigint[]) AS mark (event_id, sequence)
    WHERE outbox.event_id = mark.event_id)sql";

// What was published since: its highest sequence, and whether the stream has
// given one twice.
constexpr char kSince[] = R"sql(
    SELECT coalesce(max(stream_sequence), 0),
           count(stream_sequence) <> count(DISTINCT stream_sequence)
    FROM outbox WHERE published_at > $1)sql";

constexpr char kRenewMemory[] = R"sql(
    INSERT INTO outbox_stream (stream, created_at, last_sequence)
    VALUES ($1, $2, $3)
    ON CONFLICT (stream) DO UPDATE SET
      created_at = excluded.created_at,
      last_sequence = excluded.last_sequence)sql";

std::string UtcText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

// One run. Throws libpqxx's exceptions.
class Reconciliation {
 public:
  Reconciliation(const ReconcileRun& options, JetStream& jetstream)
      : options_(options), jetstream_(jetstream), connection_(options.dsn) {
    Sql("SET statement_timeout = 0");  // nobody waits for it
  }

  absl::Status Run() {
    // Two repairs would publish everything twice: harmless, and no use.
    if (options_.repair && !Sql(kTryLock)[0][0].as<bool>()) {
      return Error(absl::StatusCode::kFailedPrecondition, "RECONCILE_RUNNING",
                   "Another repair is running.");
    }
    // Whatever was marked before this instant was in the stream before it; what
    // the live relay does from now on is none of our business.
    cutoff_ = Sql("SELECT now()")[0][0].c_str();
    absl::StatusOr<StreamInfo> before =
        GetStreamInfo(jetstream_, options_.stream);
    if (!before.ok()) return before.status();
    if (absl::Status read = ReadIds(*before); !read.ok()) return read;
    // While we read, the stream may have dropped its oldest.
    absl::StatusOr<StreamInfo> after =
        GetStreamInfo(jetstream_, options_.stream);
    if (!after.ok()) return after.status();
    if (after->created != before->created) return CreatedMeanwhile();
    before->first_sequence = after->first_sequence;

    const int64_t missing = Compare(*before);
    if (missing > 0 && !options_.repair) {
      options_.say("nothing was done; --repair publishes them again");
      return absl::DataLossError(absl::StrCat(
          missing, " events are missing in the stream ", options_.stream));
    }
    if (missing > 0) {
      if (absl::Status repaired = Repair(); !repaired.ok()) return repaired;
    }
    return Renew(*before);
  }

 private:
  pqxx::result Sql(const char* sql) {
    return pqxx::nontransaction(connection_).exec(sql);
  }
  template <typename... Args>
  pqxx::result Sql(const std::string& sql, const Args&... args) {
    return pqxx::nontransaction(connection_).exec_params(sql, args...);
  }

  absl::Status Stopped() const {
    return options_.stop() ? absl::CancelledError("stopped") : absl::OkStatus();
  }

  absl::Status CreatedMeanwhile() const {
    return absl::AbortedError(absl::StrCat("The stream ", options_.stream,
                                           " was created anew meanwhile."));
  }

  // Puts the ids of all events in the stream into the table `present`.
  absl::Status ReadIds(const StreamInfo& info) {
    Sql(kTables);
    pg::Array ids;
    int batched = 0;
    const auto flush = [&] {
      if (batched > 0) Sql(kAddPresent, ids.text());
      ids = pg::Array();
      batched = 0;
    };
    absl::Status read =
        ReadStream(jetstream_, options_.stream, options_.consumer, info,
                   [&](const InMessage& message) {
                     const auto id = ParseUuid(message.Header("ce-id"));
                     if (!id.has_value())
                       return absl::OkStatus();  // none of ours
                     ids.Add(*id);
                     if (++batched == kPresentBatch) flush();
                     return Stopped();
                   });
    if (!read.ok()) return read;
    flush();
    Sql("ANALYZE present");
    return absl::OkStatus();
  }

  // Fills the table `missing`, reports, and returns how many there are.
  int64_t Compare(const StreamInfo& info) {
    const std::string created = pg::ToSql(info.created);
    Sql(kFindMissing, cutoff_, static_cast<int64_t>(info.first_sequence),
        static_cast<int64_t>(info.last_sequence), created,
        pg::ToSql(info.keeps_since));
    const pqxx::row counts = Sql(kCounts, cutoff_)[0];
    options_.say(absl::StrFormat(
        "stream %s: created %s, %d messages, sequences %d to %d",
        options_.stream, UtcText(info.created), info.messages,
        info.first_sequence, info.last_sequence));
    options_.say(absl::StrFormat("outbox: %s events published, %s waiting",
                                 counts[0].c_str(), counts[1].c_str()));
    ReportAlarms(info, created, counts[2].as<uint64_t>());

    const auto missing = counts[3].as<int64_t>();
    options_.say(absl::StrCat("missing in the stream: ", missing));
    for (const pqxx::row& row : Sql(kShow, kShown)) {
      options_.say(
          absl::StrFormat("  %s %s of %s version %s, was sequence %s at %s",
                          row[0].c_str(), row[1].c_str(), row[2].c_str(),
                          row[3].c_str(), row[4].c_str(), row[5].c_str()));
    }
    if (missing > kShown) {
      options_.say(absl::StrCat("  and ", missing - kShown, " more"));
    }
    return missing;
  }

  void ReportAlarms(const StreamInfo& info, const std::string& created,
                    uint64_t acknowledged) {
    const pqxx::result memory = Sql(kMemory, options_.stream, created);
    if (!memory.empty() && std::string(memory[0][0].c_str()) == "-infinity") {
      options_.say("ALARM: the relay saw that the stream lost events");
    } else if (!memory.empty() && !memory[0][1].as<bool>()) {
      options_.say(
          absl::StrCat("ALARM: the stream was created anew, before it was ",
                       memory[0][0].c_str()));
    }
    if (!memory.empty()) {
      acknowledged = std::max(acknowledged, memory[0][2].as<uint64_t>());
    }
    if (info.last_sequence < acknowledged) {
      options_.say(absl::StrCat(
          "ALARM: the stream's last sequence is below an acknowledged one, ",
          acknowledged));
    }
  }

  // Publishes what is missing, in the order in which it was written.
  absl::Status Repair() {
    const std::string select = absl::StrCat("SELECT", kOutboxColumns, R"sql(,
           missing.position
    FROM missing JOIN outbox AS o USING (event_id)
    WHERE missing.position > $1
    ORDER BY missing.position LIMIT $2)sql");
    // A new message id: inside the duplicate window the old one would be
    // dropped without a word.
    const std::string suffix =
        planted::Is("reconcile_reuses_ids")
            ? ""
            : absl::StrCat(":r", absl::ToUnixMillis(absl::Now()));
    int64_t position = INT64_MIN;
    size_t published = 0;
    while (true) {
      const pqxx::result found = Sql(select, position, kRepairBatch);
      if (found.empty()) break;
      position = found.back()[8].as<int64_t>();
      if (absl::Status s = Stopped(); !s.ok()) return s;
      std::vector<OutboxRow> rows;
      for (const pqxx::row& row : found) {
        rows.push_back(RowOf(row, options_.source, suffix));
      }
      if (absl::Status s = before_repair.Hit(); !s.ok()) return s;
      const std::vector<absl::StatusOr<PublishAck>> acks =
          PublishInWaves(jetstream_, absl::MakeSpan(rows), kRepairTimeout);
      if (absl::Status s = before_repair_mark.Hit(); !s.ok()) return s;
      pg::Array ids;
      pg::Array sequences;
      absl::Status failed;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (acks[i].ok()) {
          ids.Add(rows[i].event_id);
          sequences.Add(static_cast<int64_t>(acks[i]->sequence));
          ++published;
        } else if (failed.ok()) {
          failed = acks[i].status();
        }
      }
      Sql(kMarkRepaired, ids.text(), sequences.text());
      if (!failed.ok()) {
        return absl::DataLossError(absl::StrCat(
            published,
            " events were published again, then: ", failed.ToString()));
      }
    }
    options_.say(absl::StrCat("published again: ", published));
    return absl::OkStatus();
  }

  // The stream holds what it must: ends the relay's alarm.
  absl::Status Renew(const StreamInfo& read) {
    // Before the stream is asked, which must have all of it.
    const pqxx::row since = Sql(kSince, cutoff_)[0];
    const absl::StatusOr<StreamInfo> now =
        GetStreamInfo(jetstream_, options_.stream);
    if (!now.ok()) return now.status();
    if (now->created != read.created) return CreatedMeanwhile();
    if (now->last_sequence <
            std::max(read.last_sequence, since[0].as<uint64_t>()) ||
        since[1].as<bool>()) {
      return absl::AbortedError(absl::StrCat("The stream ", options_.stream,
                                             " has lost its end meanwhile."));
    }
    Sql(kRenewMemory, options_.stream, pg::ToSql(now->created),
        static_cast<int64_t>(now->last_sequence));
    options_.say("the stream holds every event that it should");
    return absl::OkStatus();
  }

  const ReconcileRun& options_;
  JetStream& jetstream_;
  pg::Connection connection_;
  std::string cutoff_;
};

}  // namespace

absl::Status Reconcile(const ReconcileRun& run, JetStream& jetstream) {
  try {
    return Reconciliation(run, jetstream).Run();
  } catch (...) {
    return pg::StatusOfCurrentException();
  }
}

absl::Status ReconcileCommand(const ReconcileOptions& options) {
  const std::string name = AdminName(options.source);
  const auto jetstream = JetStream::Connect(BrokerAs(name, options.nats));
  if (!jetstream.ok()) return jetstream.status();
  const absl::Time deadline = absl::Now() + kConnectTimeout;
  while (!(*jetstream)->connected()) {
    if (absl::Now() > deadline) {
      return absl::UnavailableError("The broker does not answer.");
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return Reconcile(
      {.dsn = options.dsn,
       .stream = options.stream,
       .source = options.source,
       .consumer = name,
       .repair = options.repair,
       .say =
           [](const std::string& line) { std::printf("%s\n", line.c_str()); }},
      **jetstream);
}

}  // namespace platform::events
