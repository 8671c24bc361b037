#include "platform/events/stream_info.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace platform::events {

namespace {

absl::StatusOr<nlohmann::json> Info(JetStream& jetstream,
                                    const std::string& stream,
                                    absl::string_view request) {
  const absl::StatusOr<std::string> answer = jetstream.Api(
      absl::StrCat("STREAM.INFO.", stream), request, absl::Seconds(2));
  if (!answer.ok()) return answer.status();
  nlohmann::json json =
      nlohmann::json::parse(*answer, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("state") ||
      !json.contains("config")) {
    return absl::InternalError("the broker's answer about a stream is unknown");
  }
  return json;
}

absl::Time KeepsSince(const nlohmann::json& config) {
  if (config.value("max_msgs", int64_t{-1}) > 0 ||
      config.value("max_bytes", int64_t{-1}) > 0 ||
      config.value("max_msgs_per_subject", int64_t{-1}) > 0) {
    return absl::InfiniteFuture();
  }
  const absl::Duration age =
      absl::Nanoseconds(config.value("max_age", int64_t{0}));
  if (age == absl::ZeroDuration()) return absl::InfinitePast();
  return absl::Now() - age * 0.9;
}

}  // namespace

absl::StatusOr<StreamInfo> GetStreamInfo(JetStream& jetstream,
                                         const std::string& stream) {
  const absl::StatusOr<nlohmann::json> json = Info(jetstream, stream, "");
  if (!json.ok()) return json.status();
  absl::Time created;
  if (!absl::ParseTime(absl::RFC3339_full,
                       json->value("created", std::string()), &created,
                       nullptr)) {
    return absl::InternalError("the broker's answer about a stream is unknown");
  }
  const nlohmann::json& state = (*json)["state"];
  return StreamInfo{
      .created = absl::FromUnixMicros(absl::ToUnixMicros(created)),
      .messages = state.value("messages", uint64_t{0}),
      .first_sequence = state.value("first_seq", uint64_t{0}),
      .last_sequence = state.value("last_seq", uint64_t{0}),
      .deleted = state.value("num_deleted", uint64_t{0}),
      .keeps_since = KeepsSince((*json)["config"])};
}

absl::StatusOr<std::vector<uint64_t>> DeletedSequences(
    JetStream& jetstream, const std::string& stream, size_t limit) {
  const absl::StatusOr<nlohmann::json> json =
      Info(jetstream, stream, R"({"deleted_details": true})");
  if (!json.ok()) return json.status();
  std::vector<uint64_t> deleted;
  const nlohmann::json& state = (*json)["state"];
  if (!state.contains("deleted") || !state["deleted"].is_array())
    return deleted;
  for (const nlohmann::json& sequence : state["deleted"]) {
    if (deleted.size() == limit) break;
    deleted.push_back(sequence.get<uint64_t>());
  }
  return deleted;
}

}  // namespace platform::events
