#include "platform/events/provisioner.h"

#include <cstdint>
#include <fstream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace platform::events {
namespace {

using nlohmann::json;

constexpr absl::Duration kTimeout = absl::Seconds(5);

json StreamConfig(const StreamDeclaration& stream, int replicas) {
  return {
      {"name", stream.name},
      {"subjects", stream.subjects},
      {"retention", "limits"},
      {"storage", "file"},
      {"discard", "old"},
      {"max_age", absl::ToInt64Nanoseconds(absl::Hours(24 * 7))},
      {"duplicate_window", absl::ToInt64Nanoseconds(absl::Minutes(2))},
      {"max_msg_size", 256 * 1024},
      {"num_replicas", replicas},
      {"deny_delete", true},
      {"deny_purge", true},
      {"allow_direct", true},
  };
}

json DurableConfig(const DurableDeclaration& durable) {
  json config = {
      {"durable_name", durable.name},
      {"name", durable.name},
      {"ack_policy", "explicit"},
      {"deliver_policy", "all"},
      {"replay_policy", "instant"},
      {"ack_wait", absl::ToInt64Nanoseconds(absl::Seconds(30))},
      {"max_deliver", -1},
      {"max_ack_pending", 2000},
  };
  if (durable.filter_subjects.size() == 1) {
    config["filter_subject"] = durable.filter_subjects.front();
  } else {
    config["filter_subjects"] = durable.filter_subjects;
  }
  return config;
}

// True if every declared field is what the server has.
bool Matches(const json& declared, const json& actual) {
  for (const auto& [key, value] : declared.items()) {
    if (!actual.contains(key) || actual[key] != value) return false;
  }
  return true;
}

// One stream or durable, and the requests about it.
struct Asset {
  std::string what;  // for people
  std::string info;
  std::string create;
  std::string update;
  json config;
  json request;  // to create or update
};

// Looks it up, then creates or corrects it.
absl::Status Keep(JetStream& jetstream, const Asset& asset, Provisioned& done) {
  const absl::StatusOr<std::string> found =
      jetstream.Api(asset.info, "", kTimeout);
  const bool missing = absl::IsNotFound(found.status());
  if (!found.ok() && !missing) return found.status();
  if (found.ok()) {
    const json info = json::parse(*found, nullptr, /*allow_exceptions=*/false);
    if (info.is_object() && Matches(asset.config, info["config"])) {
      return absl::OkStatus();
    }
  }
  const absl::StatusOr<std::string> answer = jetstream.Api(
      missing ? asset.create : asset.update, asset.request.dump(), kTimeout);
  if (!answer.ok()) return answer.status();
  (missing ? done.created : done.corrected).push_back(asset.what);
  return absl::OkStatus();
}

absl::Status OfFile(const std::string& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

absl::Status OnlyKeys(const std::string& file, const json& object,
                      const std::set<std::string>& known) {
  if (!object.is_object()) return OfFile(file, "must be a JSON object");
  for (const auto& [key, value] : object.items()) {
    if (!known.contains(key)) {
      return OfFile(file, absl::StrCat("unknown key \"", key, "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadFile(const std::string& file, Declarations& declarations) {
  std::ifstream in(file);
  if (!in) return OfFile(file, "cannot be read");
  const json all = json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (all.is_discarded()) return OfFile(file, "is no JSON");
  absl::Status keys = OnlyKeys(file, all, {"stream", "durables"});
  if (!keys.ok()) return keys;
  // A wrong type throws; the file is at fault, whatever the field.
  try {
    if (all.contains("stream")) {
      const json& stream = all["stream"];
      keys = OnlyKeys(file, stream, {"name", "subjects"});
      if (!keys.ok()) return keys;
      declarations.streams.push_back(
          {stream.at("name"),
           stream.at("subjects").get<std::vector<std::string>>()});
    }
    for (const json& durable : all.value("durables", json::array())) {
      keys = OnlyKeys(file, durable, {"stream", "name", "filter_subjects"});
      if (!keys.ok()) return keys;
      declarations.durables.push_back(
          {durable.at("stream"), durable.at("name"),
           durable.at("filter_subjects").get<std::vector<std::string>>()});
    }
  } catch (const json::exception& e) {
    return OfFile(file, e.what());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Declarations> ReadDeclarations(
    absl::Span<const std::string> files) {
  Declarations declarations;
  std::set<std::string> known;
  for (const std::string& file : files) {
    const size_t streams = declarations.streams.size();
    const size_t durables = declarations.durables.size();
    if (absl::Status read = ReadFile(file, declarations); !read.ok()) {
      return read;
    }
    std::vector<std::string> added;
    for (size_t i = streams; i < declarations.streams.size(); ++i) {
      added.push_back(absl::StrCat("stream ", declarations.streams[i].name));
    }
    for (size_t i = durables; i < declarations.durables.size(); ++i) {
      added.push_back(absl::StrCat("durable ", declarations.durables[i].name,
                                   " of ", declarations.durables[i].stream));
    }
    for (const std::string& what : added) {
      if (!known.insert(what).second) {
        return OfFile(file, absl::StrCat(what, " is declared already"));
      }
    }
  }
  return declarations;
}

absl::Status Provision(JetStream& jetstream, const Declarations& declarations,
                       int replicas, Provisioned* done) {
  std::vector<Asset> assets;
  for (const StreamDeclaration& stream : declarations.streams) {
    const json config = StreamConfig(stream, replicas);
    assets.push_back({.what = absl::StrCat("stream ", stream.name),
                      .info = absl::StrCat("STREAM.INFO.", stream.name),
                      .create = absl::StrCat("STREAM.CREATE.", stream.name),
                      .update = absl::StrCat("STREAM.UPDATE.", stream.name),
                      .config = config,
                      .request = config});
  }
  for (const DurableDeclaration& durable : declarations.durables) {
    const std::string id = absl::StrCat(durable.stream, ".", durable.name);
    const std::string create = absl::StrCat("CONSUMER.DURABLE.CREATE.", id);
    const json config = DurableConfig(durable);
    assets.push_back(
        {.what = absl::StrCat("durable ", durable.name, " of ", durable.stream),
         .info = absl::StrCat("CONSUMER.INFO.", id),
         .create = create,
         .update = create,
         .config = config,
         .request = {{"stream_name", durable.stream}, {"config", config}}});
  }
  Provisioned ignored;
  absl::Status result;
  for (const Asset& asset : assets) {
    const absl::Status kept =
        Keep(jetstream, asset, done == nullptr ? ignored : *done);
    if (kept.ok() || !result.ok()) continue;
    result = absl::Status(kept.code(),
                          absl::StrCat(asset.what, ": ", kept.message()));
    if (absl::IsUnavailable(kept)) break;  // the others would wait in vain
  }
  return result;
}

}  // namespace platform::events
