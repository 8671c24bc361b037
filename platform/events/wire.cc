#include "platform/events/wire.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "platform/uuid/uuid.h"

namespace platform::events {
namespace {

// The years 1 to 9999, as RFC 3339 has them.
constexpr absl::Time kEarliest = absl::FromUnixSeconds(-62'135'596'800);
constexpr absl::Time kTooLate = absl::FromUnixSeconds(253'402'300'800);

absl::Status Bad(absl::string_view header, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(header, " ", rule));
}

}  // namespace

absl::string_view InMessage::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

absl::StatusOr<Message> ParseMessage(const InMessage& in) {
  const std::optional<std::string> id = ParseUuid(in.Header("ce-id"));
  if (!id.has_value()) return Bad("ce-id", "is no UUID");
  const std::optional<std::string> aggregate =
      ParseUuid(in.Header("ce-subject"));
  if (!aggregate.has_value()) return Bad("ce-subject", "is no UUID");
  const absl::string_view type = in.Header("ce-type");
  if (type.empty()) return Bad("ce-type", "is missing");
  int64_t version = 0;
  if (!absl::SimpleAtoi(in.Header("ce-aggregateversion"), &version) ||
      version < 1) {
    return Bad("ce-aggregateversion", "is no version");
  }
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, in.Header("ce-time"), &time,
                       nullptr) ||
      time < kEarliest || time >= kTooLate) {
    return Bad("ce-time", "is no time");
  }
  return Message{.event_id = *id,
                 .type = std::string(type),
                 .source = std::string(in.Header("ce-source")),
                 .aggregate_id = *aggregate,
                 .version = version,
                 .time = time,
                 .traceparent = std::string(in.Header("traceparent")),
                 .payload = in.payload,
                 .subject = in.subject};
}

}  // namespace platform::events
