#include "platform/failpoint/failpoint.h"

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "platform/log/log.h"
#include "platform/thread/mutex.h"

namespace platform::failpoint {
namespace {

// A held message must come well before the broker thinks it lost (30 s).
constexpr absl::Duration kLongestHold = absl::Seconds(20);

// What a point is armed with.
struct Arming {
  std::string text;  // as it was written
  Action action;
  int64_t nth = 0;  // 0: any
  double probability = 1;
  int64_t times = INT64_MAX;
  std::minstd_rand random{1};
  int64_t hits = 0;
  int64_t fired = 0;
};

std::optional<absl::StatusCode> ParseCode(absl::string_view name) {
  for (int code = 1; code <= 16; ++code) {
    const auto candidate = static_cast<absl::StatusCode>(code);
    if (absl::StatusCodeToString(candidate) == name) return candidate;
  }
  return std::nullopt;
}

absl::Status Bad(absl::string_view text, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": ", rule));
}

// `name(argument)`: takes it apart.
bool Call(absl::string_view text, absl::string_view name,
          absl::string_view* argument) {
  if (!absl::ConsumePrefix(&text, name) || !absl::ConsumePrefix(&text, "(") ||
      !absl::ConsumeSuffix(&text, ")")) {
    return false;
  }
  *argument = text;
  return true;
}

bool ParsePositive(absl::string_view text, int64_t* value) {
  return absl::SimpleAtoi(text, value) && *value > 0;
}

absl::StatusOr<Action> ParseAction(absl::string_view text) {
  using Kind = Action::Kind;
  if (text == "off") return Action{};
  if (text == "crash") return Action{.kind = Kind::kCrash};
  if (text == "drop") return Action{.kind = Kind::kDrop};
  if (text == "duplicate") {
    return Action{.kind = Kind::kDuplicate, .duration = absl::Seconds(1)};
  }
  absl::string_view argument;
  if (Call(text, "error", &argument)) {
    const auto code = ParseCode(argument);
    if (!code.has_value()) return Bad(text, "is no canonical code");
    return Action{.kind = Kind::kError, .code = *code};
  }
  const bool hold = Call(text, "hold", &argument);
  if (hold || Call(text, "delay", &argument)) {
    absl::Duration duration;
    if (!absl::ParseDuration(std::string(argument), &duration) ||
        duration < absl::ZeroDuration() ||
        duration > (hold ? kLongestHold : absl::Hours(1))) {
      return Bad(text, "is no duration that can be waited for");
    }
    return Action{.kind = hold ? Kind::kHold : Kind::kDelay,
                  .duration = duration};
  }
  return Bad(text,
             "must be crash, error(CODE), delay(DURATION), off, drop, "
             "duplicate or hold(DURATION)");
}

absl::Status ParseWhen(absl::string_view text, Arming& arming) {
  int64_t seed = 0;
  if (absl::ConsumePrefix(&text, "nth:")) {
    if (ParsePositive(text, &arming.nth)) return absl::OkStatus();
  } else if (absl::ConsumePrefix(&text, "times:")) {
    if (ParsePositive(text, &arming.times)) return absl::OkStatus();
  } else if (absl::ConsumePrefix(&text, "p:")) {
    if (absl::SimpleAtod(text, &arming.probability) &&
        arming.probability >= 0 && arming.probability <= 1) {
      return absl::OkStatus();
    }
  } else if (absl::ConsumePrefix(&text, "seed:")) {
    if (ParsePositive(text, &seed)) {
      arming.random.seed(static_cast<uint32_t>(seed));
      return absl::OkStatus();
    }
  }
  return Bad(text, "must be nth:N, p:0…1, seed:N or times:N, with N > 0");
}

// Point and action of one `point=action@when…`.
absl::StatusOr<Arming> Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '@');
  const absl::StatusOr<Action> action = ParseAction(parts[0]);
  if (!action.ok()) return action.status();
  Arming arming{.text = std::string(text), .action = *action};
  for (size_t i = 1; i < parts.size(); ++i) {
    if (absl::Status s = ParseWhen(parts[i], arming); !s.ok()) return s;
  }
  return arming;
}

bool InputOnly(Action::Kind kind) {
  return kind == Action::Kind::kDrop || kind == Action::Kind::kDuplicate ||
         kind == Action::Kind::kHold;
}

prometheus::Counter& FiredCounter(const char* point) {
  return metrics::Counter("failpoint_fired_total",
                          "How often an armed failpoint acted.",
                          {{"point", point}});
}

}  // namespace

// All points of this program, and what they are armed with.
class Points {
 public:
  static Points& Get() {
    static auto* const points = new Points;
    return *points;
  }

  void Add(Point* point) {
    MutexLock lock(mutex_);
    points_[point->name()] = point;
  }

  absl::Status Arm(absl::string_view spec) {
    MutexLock lock(mutex_);
    std::vector<std::pair<Point*, Arming>> armings;
    for (absl::string_view each :
         absl::StrSplit(spec, ';', absl::SkipWhitespace())) {
      each = absl::StripAsciiWhitespace(each);
      const size_t equals = each.find('=');
      if (equals == absl::string_view::npos) {
        return Bad(each, "must be point=action");
      }
      const auto found = points_.find(each.substr(0, equals));
      if (found == points_.end()) {
        return Bad(each, "is no failpoint of this program");
      }
      absl::StatusOr<Arming> arming = Parse(each.substr(equals + 1));
      if (!arming.ok()) return arming.status();
      if (InputOnly(arming->action.kind) &&
          found->second->kind() != Point::Kind::kInput) {
        return Bad(each, "only an input can do that");
      }
      armings.emplace_back(found->second, *std::move(arming));
    }
    for (auto& [point, arming] : armings) Set(point, std::move(arming));
    return absl::OkStatus();
  }

  void DisarmAll() {
    MutexLock lock(mutex_);
    for (const auto& [name, point] : points_) Set(point, Arming{});
  }

  Action Draw(const Point& point) {
    MutexLock lock(mutex_);
    const auto found = armed_.find(point.name());
    if (found == armed_.end()) return {};
    Arming& arming = found->second;
    ++arming.hits;
    if (arming.fired >= arming.times) return {};
    if (arming.nth != 0 && arming.hits != arming.nth) return {};
    if (arming.probability < 1 && std::uniform_real_distribution<double>()(
                                      arming.random) >= arming.probability) {
      return {};
    }
    ++arming.fired;
    Action action = arming.action;
    if (InputOnly(action.kind)) {
      action.duration *=
          std::uniform_real_distribution<double>()(arming.random);
    }
    return action;
  }

  std::string List() {
    MutexLock lock(mutex_);
    std::string text;
    for (const auto& [name, point] : points_) {
      const auto found = armed_.find(name);
      if (found == armed_.end()) {
        absl::StrAppend(&text, name, "\toff\t0\t0\n");
      } else {
        absl::StrAppend(&text, name, "\t", found->second.text, "\t",
                        found->second.hits, "\t", found->second.fired, "\n");
      }
    }
    return text;
  }

 private:
  void Set(Point* point, Arming arming) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool on = arming.action.kind != Action::Kind::kNone;
    if (on) {
      log::Warning("failpoint armed",
                   {{"point", point->name()}, {"with", arming.text}});
      armed_.insert_or_assign(point->name(), std::move(arming));
    } else {
      armed_.erase(point->name());
    }
    point->armed_.store(on, std::memory_order_relaxed);
  }

  Mutex mutex_;
  std::map<absl::string_view, Point*> points_ ABSL_GUARDED_BY(mutex_);
  std::map<absl::string_view, Arming> armed_ ABSL_GUARDED_BY(mutex_);
};

Point::Point(const char* name, Kind kind) : name_(name), kind_(kind) {
  Points::Get().Add(this);
}

Action Point::Take() {
  if (!armed()) return {};
  const Action action = Draw();
  if (InputOnly(action.kind)) {
    FiredCounter(name_).Increment();
    return action;
  }
  // An input that fails is one that is lost.
  if (!Perform(action).ok()) return {.kind = Action::Kind::kDrop};
  return {};
}

Action Point::Draw() const { return Points::Get().Draw(*this); }

absl::Status Point::Perform(const Action& action) const {
  if (action.kind == Action::Kind::kNone) return absl::OkStatus();
  FiredCounter(name_).Increment();
  switch (action.kind) {
    case Action::Kind::kError:
      return {action.code, absl::StrCat("failpoint ", name_)};
    case Action::Kind::kDelay:
      absl::SleepFor(action.duration);
      return absl::OkStatus();
    case Action::Kind::kCrash:
      log::Warning("failpoint: the process ends", {{"point", name_}});
      kill(getpid(), SIGKILL);
      while (true) pause();
    default:
      return absl::OkStatus();
  }
}

absl::Status Arm(absl::string_view spec) { return Points::Get().Arm(spec); }

void DisarmAll() { Points::Get().DisarmAll(); }

std::string List() { return Points::Get().List(); }

std::vector<metrics::Page::Route> ControlRoutes(bool allowed) {
  if (!allowed) return {};
  return {{.path = "/failpoints",
           .handler = [](absl::string_view method, const std::string& body)
               -> absl::StatusOr<std::string> {
             if (method == "DELETE") {
               DisarmAll();
             } else if (method == "POST") {
               if (absl::Status s = Arm(body); !s.ok()) return s;
             }
             return List();
           }}};
}

}  // namespace platform::failpoint
