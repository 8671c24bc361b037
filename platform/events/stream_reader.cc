#include "platform/events/stream_reader.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"

namespace platform::events {
namespace {

constexpr absl::Duration kApiTimeout = absl::Seconds(5);
// How long the broker may be silent in the middle of it.
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr int kFetch = 1000;

// The number of the delivery: contiguous unless one got lost. From
// `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<delivered>.<stream
// sequence>.<consumer sequence>.<time>.<pending>`; 0 if it is not that.
uint64_t ConsumerSequence(absl::string_view reply) {
  const std::vector<absl::string_view> tokens = absl::StrSplit(reply, '.');
  const size_t index = tokens.size() >= 11 ? 8 : 6;
  uint64_t sequence = 0;
  if (tokens.size() < 9 || !absl::SimpleAtoi(tokens[index], &sequence)) {
    return 0;
  }
  return sequence;
}

absl::Status ReadAll(JetStream& jetstream, const std::string& stream,
                     const std::string& consumer, const StreamInfo& info,
                     absl::FunctionRef<absl::Status(const InMessage&)> visit) {
  auto pull = jetstream.PullFrom(stream, consumer);
  if (!pull.ok()) return pull.status();
  uint64_t delivered = 0;
  absl::Time last_progress = absl::Now();
  while (true) {
    const absl::StatusOr<std::vector<InMessage>> messages =
        (*pull)->Next(kFetch, absl::Seconds(1));
    if (!messages.ok()) return messages.status();
    for (const InMessage& message : *messages) {
      if (message.stream_sequence > info.last_sequence) {
        return absl::OkStatus();
      }
      if (ConsumerSequence(message.reply) != ++delivered) {
        return absl::AbortedError("a message of the stream was not delivered");
      }
      if (absl::Status s = visit(message); !s.ok()) return s;
      if (message.pending == 0) return absl::OkStatus();
    }
    if (!messages->empty()) {
      last_progress = absl::Now();
    } else if (absl::Now() - last_progress > kPatience) {
      return absl::DeadlineExceededError("the stream cannot be read");
    }
  }
}

}  // namespace

absl::Status ReadStream(
    JetStream& jetstream, const std::string& stream,
    const std::string& consumer, const StreamInfo& info,
    absl::FunctionRef<absl::Status(const InMessage&)> visit) {
  // What one that died has left stands somewhere in the middle.
  const std::string path = absl::StrCat(stream, ".", consumer);
  jetstream.Api("CONSUMER.DELETE." + path, "", kApiTimeout).IgnoreError();
  const nlohmann::json create = {
      {"stream_name", stream},
      {"config",
       {{"name", consumer},
        {"deliver_policy", "all"},
        {"ack_policy", "none"},
        {"headers_only", true},
        {"mem_storage", true},
        // Should we die, the broker deletes it.
        {"inactive_threshold", absl::ToInt64Nanoseconds(absl::Minutes(1))}}}};
  const absl::StatusOr<std::string> created =
      jetstream.Api("CONSUMER.CREATE." + path, create.dump(), kApiTimeout);
  if (!created.ok()) return created.status();
  const nlohmann::json answer =
      nlohmann::json::parse(*created, nullptr, /*allow_exceptions=*/false);
  absl::Status status;
  if (!answer.is_object() || answer.value("num_pending", uint64_t{1}) > 0) {
    status = ReadAll(jetstream, stream, consumer, info, visit);
  }
  // If this fails the broker does it a minute later.
  jetstream.Api("CONSUMER.DELETE." + path, "", kApiTimeout).IgnoreError();
  return status;
}

}  // namespace platform::events
