#include "platform/events/outbox_publish.h"

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace platform::events {
namespace {

absl::string_view View(const pqxx::field& field) {
  return {field.c_str(), field.size()};
}

std::string Text(const pqxx::field& field) { return std::string(View(field)); }

// Postgres writes bytea as `\x` and hex digits.
std::string Bytes(const pqxx::field& field) {
  return absl::HexStringToBytes(View(field).substr(2));
}

// RFC 3339 in UTC, always with six decimals.
std::string WireTime(int64_t micros) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ",
                          absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

}  // namespace

OutboxRow RowOf(const pqxx::row& row, const std::string& source,
                absl::string_view id_suffix) {
  OutboxRow result{
      .event_id = Text(row[0]),
      .aggregate_id = Text(row[1]),
      .message = {
          .subject = Text(row[3]), .headers = {}, .payload = Bytes(row[5])}};
  auto& headers = result.message.headers;
  headers.reserve(10);
  headers.emplace_back("Nats-Msg-Id", absl::StrCat(result.event_id, id_suffix));
  headers.emplace_back("ce-id", result.event_id);
  headers.emplace_back("ce-type", Text(row[4]));
  headers.emplace_back("ce-source", source);
  headers.emplace_back("ce-subject", result.aggregate_id);
  headers.emplace_back("ce-time", WireTime(row[7].as<int64_t>()));
  headers.emplace_back("ce-specversion", "1.0");
  headers.emplace_back("ce-aggregateversion", Text(row[2]));
  if (row[6].size() > 0) headers.emplace_back("traceparent", Text(row[6]));
  headers.emplace_back("content-type", "application/protobuf");
  return result;
}

std::vector<absl::StatusOr<PublishAck>> PublishInWaves(
    JetStream& jetstream, absl::Span<OutboxRow> rows, absl::Duration timeout) {
  // Wave n holds the n-th event of each aggregate.
  std::vector<std::vector<size_t>> waves;
  absl::flat_hash_map<absl::string_view, size_t> seen;
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t wave = seen[rows[i].aggregate_id]++;
    if (wave == waves.size()) waves.emplace_back();
    waves[wave].push_back(i);
  }

  std::vector<absl::StatusOr<PublishAck>> results(
      rows.size(), absl::CancelledError("an earlier event was not published"));
  absl::flat_hash_set<absl::string_view> failed;
  for (const std::vector<size_t>& wave : waves) {
    std::vector<size_t> sent;
    std::vector<OutMessage> messages;
    sent.reserve(wave.size());
    messages.reserve(wave.size());
    for (const size_t i : wave) {
      if (failed.contains(rows[i].aggregate_id)) continue;
      sent.push_back(i);
      messages.push_back(std::move(rows[i].message));
    }
    if (sent.empty()) break;
    std::vector<absl::StatusOr<PublishAck>> acks =
        jetstream.PublishAll(messages, timeout);
    for (size_t n = 0; n < sent.size(); ++n) {
      rows[sent[n]].message = std::move(messages[n]);
      if (!acks[n].ok()) failed.insert(rows[sent[n]].aggregate_id);
      results[sent[n]] = std::move(acks[n]);
    }
  }
  return results;
}

bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnavailable:
      return false;
    default:
      return true;
  }
}

}  // namespace platform::events
