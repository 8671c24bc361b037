#include "mypage/adapters/stream_replay.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace mypage {
namespace {

using platform::events::InMessage;
using platform::events::JetStream;

constexpr absl::Duration kApiTimeout = absl::Seconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<StreamReplay>> StreamReplay::Begin(
    JetStream& jetstream, const std::string& stream,
    const std::string& consumer) {
  const std::string path = absl::StrCat(stream, ".", consumer);
  jetstream.Api("CONSUMER.DELETE." + path, "", kApiTimeout).IgnoreError();
  const nlohmann::json create = {
      {"stream_name", stream},
      {"config",
       {{"name", consumer},
        {"deliver_policy", "all"},
        {"ack_policy", "explicit"},
        {"ack_wait", absl::ToInt64Nanoseconds(absl::Seconds(30))},
        {"max_ack_pending", 10000},
        {"mem_storage", true},
        // Should we die, the broker deletes it. It idles while the other
        // streams are read.
        {"inactive_threshold", absl::ToInt64Nanoseconds(absl::Hours(24))}}}};
  const absl::StatusOr<std::string> created =
      jetstream.Api("CONSUMER.CREATE." + path, create.dump(), kApiTimeout);
  if (!created.ok()) return created.status();
  std::unique_ptr<StreamReplay> replay(
      new StreamReplay(jetstream, stream, consumer));
  auto pull = jetstream.PullFrom(stream, consumer);
  if (!pull.ok()) return pull.status();
  replay->pull_ = *std::move(pull);
  return replay;
}

StreamReplay::StreamReplay(JetStream& jetstream, std::string stream,
                           std::string consumer)
    : jetstream_(jetstream),
      stream_(std::move(stream)),
      consumer_(std::move(consumer)) {}

StreamReplay::~StreamReplay() {
  // If this fails the next rebuild does it, or the broker a day later.
  jetstream_
      .Api(absl::StrCat("CONSUMER.DELETE.", stream_, ".", consumer_), "",
           kApiTimeout)
      .IgnoreError();
}

absl::StatusOr<std::vector<InMessage>> StreamReplay::Next(int max) {
  return pull_->Next(max, absl::Milliseconds(50));
}

absl::Status StreamReplay::Acknowledge(absl::Span<const InMessage> messages) {
  for (const InMessage& message : messages) {
    absl::Status sent = jetstream_.Send(message.reply, "+ACK");
    if (!sent.ok()) return sent;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> StreamReplay::Reached(uint64_t sequence) {
  const absl::StatusOr<std::string> answer = jetstream_.Api(
      absl::StrCat("CONSUMER.INFO.", stream_, ".", consumer_), "", kApiTimeout);
  if (!answer.ok()) return answer.status();
  const nlohmann::json info =
      nlohmann::json::parse(*answer, nullptr, /*allow_exceptions=*/false);
  if (!info.is_object() || !info.contains("ack_floor")) {
    return absl::InternalError(
        "The broker's answer about a consumer is no JSON.");
  }
  if (info["ack_floor"].value("stream_seq", uint64_t{0}) >= sequence) {
    return true;
  }
  // The floor stays below if the last messages up to there are gone.
  return info.value("num_pending", uint64_t{1}) == 0 &&
         info.value("num_ack_pending", uint64_t{1}) == 0;
}

}  // namespace mypage
