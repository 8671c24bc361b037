// Looks into the streams, and does harm to them, for scripts/drill:
//
//   drill_stream info (STREAM DURABLE)…   what there is of them, as JSON
//   drill_stream dump STREAM…             every message, a line each, by tabs:
//                                         stream, sequence, ce-id, message id,
//                                         subject, ce-subject, version
//   drill_stream delete-stream STREAM
//   drill_stream delete-durable STREAM DURABLE
//   drill_stream shuffle (STREAM DURABLE)…  joins the durables as a replica
//   would
//                                         that is up to no good: gives each
//                                         event back late, at once, or twice
//   drill_stream poison SUBJECT           events that nobody can apply
//
// --nats_user must be one who may: the operator.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"

#include "platform/config/common_flags.h"
#include "platform/events/jetstream.h"
#include "platform/events/stream_info.h"
#include "platform/events/stream_reader.h"
#include "platform/process/process.h"

ABSL_FLAG(absl::Duration, duration, absl::Seconds(10), "shuffle: how long");
ABSL_FLAG(uint64_t, seed, 1, "shuffle: what happens to which event");
ABSL_FLAG(double, share, 0.5, "shuffle: part of the events that we take");
ABSL_FLAG(double, duplicate, 0.6,
          "shuffle: part of what we take that is published once more");
ABSL_FLAG(absl::Duration, delay, absl::Seconds(2),
          "shuffle: what we take is given back after up to so long");

namespace {

namespace events = platform::events;
using events::InMessage;
using events::JetStream;
using events::OutMessage;
using nlohmann::json;

constexpr absl::Duration kTimeout = absl::Seconds(5);

absl::StatusOr<json> Call(JetStream& jetstream, const std::string& method,
                          const json& request = json::object()) {
  const auto answer = jetstream.Api(method, request.dump(), kTimeout);
  if (!answer.ok()) return answer.status();
  return json::parse(*answer, nullptr, /*allow_exceptions=*/false);
}

// What is not there is left out.
absl::Status Info(JetStream& jetstream, const std::vector<std::string>& words) {
  json result = json::object();
  for (size_t i = 1; i + 1 < words.size(); i += 2) {
    const std::string& stream = words[i];
    const std::string& durable = words[i + 1];
    if (!result.contains(stream)) {
      const auto info = Call(jetstream, absl::StrCat("STREAM.INFO.", stream));
      if (absl::IsNotFound(info.status())) continue;
      if (!info.ok()) return info.status();
      const json& state = (*info)["state"];
      result[stream] = {{"messages", state["messages"]},
                        {"first", state["first_seq"]},
                        {"last", state["last_seq"]},
                        {"durables", json::object()}};
    }
    const auto info =
        Call(jetstream, absl::StrCat("CONSUMER.INFO.", stream, ".", durable));
    if (absl::IsNotFound(info.status())) continue;
    if (!info.ok()) return info.status();
    result[stream]["durables"][durable] = {
        {"pending", (*info)["num_pending"]},
        {"unacknowledged", (*info)["num_ack_pending"]},
        {"redelivered", (*info)["num_redelivered"]}};
  }
  std::printf("%s\n", result.dump(1).c_str());
  return absl::OkStatus();
}

std::string Field(absl::string_view value) {
  std::string text(value);
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return c == '\t' || c == '\n' || c == '\\' || c == '\0'; },
      '?');
  return text;
}

absl::Status Dump(JetStream& jetstream, const std::string& stream) {
  const auto info = events::GetStreamInfo(jetstream, stream);
  if (!info.ok()) return info.status();
  std::string text;
  absl::Status read = events::ReadStream(
      jetstream, stream, "drill", *info, [&](const InMessage& message) {
        absl::StrAppend(&text, stream, "\t", message.stream_sequence, "\t",
                        Field(message.Header("ce-id")), "\t",
                        Field(message.Header("Nats-Msg-Id")), "\t",
                        Field(message.subject), "\t",
                        Field(message.Header("ce-subject")), "\t",
                        Field(message.Header("ce-aggregateversion")), "\n");
        return absl::OkStatus();
      });
  if (!read.ok()) return read;
  std::fwrite(text.data(), 1, text.size(), stdout);
  return absl::OkStatus();
}

// The event once more: the same id to whoever applies it, another to the
// broker, which would otherwise drop it.
OutMessage Twin(const InMessage& message, uint64_t number) {
  OutMessage twin{.subject = message.subject,
                  .headers = message.headers,
                  .payload = message.payload};
  for (auto& [name, value] : twin.headers) {
    if (absl::EqualsIgnoreCase(name, "Nats-Msg-Id")) {
      absl::StrAppend(&value, ":twin", number);
    }
  }
  return twin;
}

// Counts of what was done to events; one line of JSON in the end.
struct Harm {
  int64_t late = 0, back_at_once = 0, twice = 0;
};

absl::Status Shuffle(JetStream& jetstream,
                     const std::vector<std::string>& words) {
  std::vector<std::unique_ptr<JetStream::Pull>> pulls;
  for (size_t i = 1; i + 1 < words.size(); i += 2) {
    auto pull = jetstream.PullFrom(words[i], words[i + 1]);
    if (!pull.ok()) return pull.status();
    pulls.push_back(*std::move(pull));
  }
  std::mt19937_64 random(absl::GetFlag(FLAGS_seed));
  const auto chance = [&random](double part) {
    return std::uniform_real_distribution<double>(0, 1)(random) < part;
  };
  Harm harm;
  const absl::Time end = absl::Now() + absl::GetFlag(FLAGS_duration);
  const auto give_back = [&](const InMessage& message) {
    if (!chance(absl::GetFlag(FLAGS_share))) {
      ++harm.back_at_once;
      return jetstream.Send(message.reply, "-NAK");
    }
    const absl::Duration delay =
        absl::GetFlag(FLAGS_delay) *
        std::uniform_real_distribution<double>(0, 1)(random);
    ++harm.late;
    return jetstream.Send(message.reply,
                          absl::StrCat("-NAK {\"delay\": ",
                                       absl::ToInt64Nanoseconds(delay), "}"));
  };
  while (absl::Now() < end) {
    for (auto& pull : pulls) {
      const auto messages = pull->Next(8, absl::Milliseconds(20));
      if (!messages.ok()) {
        // The broker or the durable is away; others see to that.
        absl::SleepFor(absl::Milliseconds(200));
        continue;
      }
      std::vector<OutMessage> twins;
      for (const InMessage& message : *messages) {
        if (absl::Status sent = give_back(message); !sent.ok()) return sent;
        if (chance(absl::GetFlag(FLAGS_duplicate)) &&
            !absl::StrContains(message.Header("Nats-Msg-Id"), ":twin")) {
          twins.push_back(Twin(message, message.stream_sequence));
        }
      }
      for (const auto& ack : jetstream.PublishAll(twins, kTimeout)) {
        if (ack.ok()) ++harm.twice;
      }
    }
  }
  for (auto& pull : pulls) {
    for (const InMessage& message : pull->Cancel()) {
      jetstream.Send(message.reply, "-NAK").IgnoreError();
    }
  }
  jetstream.Flush(kTimeout);
  std::printf("%s\n", json({{"late", harm.late},
                            {"back_at_once", harm.back_at_once},
                            {"twice", harm.twice}})
                          .dump()
                          .c_str());
  return absl::OkStatus();
}

// Events that nobody can apply, each for another reason.
absl::Status Poison(JetStream& jetstream, const std::string& subject) {
  const auto headers = [](const std::string& id, const std::string& type,
                          const std::string& about) {
    return std::vector<std::pair<std::string, std::string>>{
        {"Nats-Msg-Id", id},       {"ce-id", id},
        {"ce-type", type},         {"ce-source", "drill"},
        {"ce-subject", about},     {"ce-time", "2026-01-01T00:00:00.000000Z"},
        {"ce-specversion", "1.0"}, {"ce-aggregateversion", "1"}};
  };
  std::random_device device;
  const auto uuid = [&device] {
    char text[37];
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-a%03x-%08x%04x", device(),
                  device() & 0xffff, device() & 0xfff, device() & 0xfff,
                  device(), device() & 0xffff);
    return std::string(text);
  };
  const std::string about = uuid();
  const std::string ordered = "restaurant.order.v1.Ordered";
  const std::vector<OutMessage> messages = {
      {subject, headers(uuid(), ordered, about), "\xff\xff no protobuf"},
      {subject, headers(uuid(), ordered, about), ""},
      {subject, headers(uuid(), ordered, "no uuid"), ""},
      {subject, {{"Nats-Msg-Id", uuid()}}, "no headers"},
      {subject, headers(uuid(), ordered, about),
       std::string(size_t{200} * 1024, '\xff')},
  };
  int stored = 0;
  for (const auto& ack : jetstream.PublishAll(messages, kTimeout)) {
    if (!ack.ok()) return ack.status();
    ++stored;
  }
  std::printf("{\"poisoned\": %d}\n", stored);
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& words) {
  const absl::StatusOr<platform::NatsConfig> nats = platform::LoadNatsConfig();
  if (!nats.ok()) return nats.status();
  const auto connected = JetStream::Connect({.url = nats->url,
                                             .name = "drill",
                                             .user = nats->user,
                                             .password = nats->password});
  if (!connected.ok()) return connected.status();
  JetStream& jetstream = **connected;
  for (int i = 0; i < 100 && !jetstream.connected(); ++i) {
    absl::SleepFor(absl::Milliseconds(100));
  }
  const std::string command = words.empty() ? "" : words[0];
  const bool durables = words.size() >= 3 && words.size() % 2 == 1;
  if (command == "info" && durables) return Info(jetstream, words);
  if (command == "dump" && words.size() >= 2) {
    for (size_t i = 1; i < words.size(); ++i) {
      if (absl::Status dumped = Dump(jetstream, words[i]); !dumped.ok()) {
        return dumped;
      }
    }
    return absl::OkStatus();
  }
  if (command == "delete-stream" && words.size() == 2) {
    return Call(jetstream, absl::StrCat("STREAM.DELETE.", words[1])).status();
  }
  if (command == "delete-durable" && words.size() == 3) {
    return Call(jetstream,
                absl::StrCat("CONSUMER.DELETE.", words[1], ".", words[2]))
        .status();
  }
  if (command == "shuffle" && durables) return Shuffle(jetstream, words);
  if (command == "poison" && words.size() == 2) {
    return Poison(jetstream, words[1]);
  }
  return absl::InvalidArgumentError(
      "commands: info (STREAM DURABLE)... | dump STREAM... | delete-stream "
      "STREAM | delete-durable "
      "STREAM DURABLE | shuffle (STREAM DURABLE)... | poison SUBJECT");
}

}  // namespace

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("looks into streams, and does harm to them");
  return platform::ExitCode(Run(platform::ParseFlags(argc, argv)));
}
