#include "mypage/adapters/apply_events.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "mypage/app/use_cases.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"

namespace mypage {
namespace {

struct LagMetrics {
  prometheus::Gauge* newest;
  prometheus::Histogram* each;
};

LagMetrics MakeLagMetrics(Source source) {
  const platform::metrics::Labels labels = {
      {"source", std::string(Name(source))}};
  return {&platform::metrics::Gauge(
              "projection_lag_seconds",
              "Age of the newest event when events were applied last.", labels),
          &platform::metrics::Seconds("projection_apply_delay_seconds",
                                      "Age of events when they were applied.",
                                      labels)};
}

const LagMetrics& MetricsOf(Source source) {
  static const std::array<LagMetrics, 3> metrics = {
      MakeLagMetrics(Source::kOrder), MakeLagMetrics(Source::kCook),
      MakeLagMetrics(Source::kDelivery)};
  return metrics[static_cast<size_t>(source)];
}

void NoteLag(Source source, absl::Span<const Heard> events) {
  const LagMetrics& metrics = MetricsOf(source);
  const absl::Time now = platform::Now();
  absl::Duration youngest = absl::InfiniteDuration();
  for (const Heard& heard : events) {
    const absl::Duration age = now - heard.entry.at;
    youngest = std::min(youngest, age);
    metrics.each->Observe(absl::ToDoubleSeconds(age));
  }
  metrics.newest->Set(absl::ToDoubleSeconds(youngest));
}

absl::StatusOr<std::vector<Heard>> DecodeAll(
    Decode decode, absl::Span<const platform::events::Message> messages) {
  std::vector<Heard> events;
  events.reserve(messages.size());
  for (const platform::events::Message& message : messages) {
    absl::StatusOr<std::optional<Heard>> heard = decode(message);
    if (!heard.ok()) return heard.status();
    if (!heard->has_value()) {
      platform::log::Debug(
          "event of an unknown type ignored",
          {{"event_id", message.event_id},
           {"type", message.type},
           {platform::log::AggregateKey(), message.aggregate_id}});
      continue;
    }
    events.push_back(**std::move(heard));
  }
  return events;
}

}  // namespace

absl::Status ApplyMessages(
    pqxx::work& tx, Source source, Decode decode,
    absl::Span<const platform::events::Message> messages) {
  const absl::StatusOr<std::vector<Heard>> events = DecodeAll(decode, messages);
  if (!events.ok()) return events.status();
  if (events->empty()) return absl::OkStatus();
  PgMypageStore store(tx);
  absl::Status applied = ApplyEvents(store, *events);
  if (!applied.ok()) return applied;
  NoteLag(source, *events);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Heard>> HeardOf(
    const platform::events::Message& message, absl::string_view order_id,
    Header header, Source source, int32_t version, int32_t state,
    absl::string_view status, absl::string_view by, absl::string_view reason) {
  std::optional<std::string> order = platform::ParseUuid(order_id);
  if (!order) return Malformed(message, "its order id is not a UUID");
  std::optional<std::string> event = platform::ParseUuid(message.event_id);
  if (!event) return Malformed(message, "its event id is not a UUID");
  if (version <= 0) return Malformed(message, "it has no version");
  return Heard{.order_id = *std::move(order),
               .header = header,
               .entry = {.event_id = *std::move(event),
                         .source = source,
                         .version = version,
                         .state = state,
                         .status = std::string(status),
                         .at = message.time,
                         .by = std::string(by),
                         .reason = std::string(reason)}};
}

absl::Status Malformed(const platform::events::Message& message,
                       absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("The ", message.type, " cannot be read: ", why, "."));
}

}  // namespace mypage
