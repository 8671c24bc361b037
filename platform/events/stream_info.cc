#include "platform/events/stream_info.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace platform::events {

absl::StatusOr<StreamInfo> GetStreamInfo(JetStream& jetstream,
                                         const std::string& stream) {
  const absl::StatusOr<std::string> answer =
      jetstream.Api(absl::StrCat("STREAM.INFO.", stream), "", absl::Seconds(2));
  if (!answer.ok()) return answer.status();
  const nlohmann::json json =
      nlohmann::json::parse(*answer, nullptr, /*allow_exceptions=*/false);
  absl::Time created;
  if (!json.is_object() || !json.contains("state") ||
      !absl::ParseTime(absl::RFC3339_full, json.value("created", std::string()),
                       &created, nullptr)) {
    return absl::InternalError("the broker's answer about a stream is unknown");
  }
  const nlohmann::json& state = json["state"];
  return StreamInfo{
      .created = absl::FromUnixMicros(absl::ToUnixMicros(created)),
      .messages = state.value("messages", uint64_t{0}),
      .first_sequence = state.value("first_seq", uint64_t{0}),
      .last_sequence = state.value("last_seq", uint64_t{0})};
}

}  // namespace platform::events
