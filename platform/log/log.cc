#include "platform/log/log.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "spdlog/logger.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace platform::log {
namespace {

struct State {
  std::string service;
  std::string aggregate_key = "aggregate_id";
  Level min_level = Level::kInfo;
  spdlog::logger logger{"", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

  State() {
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::warn);
  }
};

// Never destroyed: threads may log until the very end.
State& Global() {
  static auto* const state = new State;
  return *state;
}

constexpr absl::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "";
}

bool IsPlain(absl::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
}

void AppendString(std::string& line, absl::string_view value) {
  // Nearly everything needs no escape; half of the time of a line is here.
  if (IsPlain(value)) {
    absl::StrAppend(&line, "\"", value, "\"");
    return;
  }
  const nlohmann::json json = std::string(value);
  line += json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void Init(absl::string_view service, Level min_level,
          absl::string_view aggregate_key) {
  Global().service = std::string(service);
  Global().min_level = min_level;
  Global().aggregate_key = std::string(aggregate_key);
}

absl::string_view AggregateKey() { return Global().aggregate_key; }

bool ParseLevel(absl::string_view name, Level* level) {
  for (const Level candidate :
       {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (name != Name(candidate)) continue;
    *level = candidate;
    return true;
  }
  return false;
}

void Write(Level level, absl::string_view message,
           std::initializer_list<Field> fields) {
  State& state = Global();
  if (level < state.min_level) return;
  std::string line;
  line.reserve(256);
  absl::StrAppend(&line, R"({"time":")",
                  absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(),
                                   absl::UTCTimeZone()),
                  R"(","level":")", Name(level), R"(","service":")",
                  state.service, R"(","message":)");
  AppendString(line, message);
  for (const Field& field : fields) {
    const auto* text = std::get_if<absl::string_view>(&field.value);
    if (text != nullptr && text->empty()) continue;
    absl::StrAppend(&line, ",\"", field.key, "\":");
    if (text != nullptr) {
      AppendString(line, *text);
    } else if (const auto* integer = std::get_if<int64_t>(&field.value)) {
      absl::StrAppend(&line, *integer);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
      // JSON knows no infinity.
      absl::StrAppend(&line, std::isfinite(*number) ? *number : -1.0);
    } else {
      line += std::get<bool>(field.value) ? "true" : "false";
    }
  }
  line += '}';
  state.logger.log(
      level >= Level::kWarning ? spdlog::level::warn : spdlog::level::info,
      spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace platform::log
