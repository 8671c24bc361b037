// An open-loop load generator with a history; scripts/load is its manual.
//
// Arrivals come at a constant rate, whatever the answers do, and latency counts
// from when the plan wanted a request sent: a system that stalls cannot hide
// it.

#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

#include "platform/config/common_flags.h"
#include "platform/process/process.h"
#include "tests/load/agenda.h"
#include "tests/load/client.h"
#include "tests/load/history.h"
#include "tests/load/patterns.h"

ABSL_FLAG(double, rate, 100, "arrivals a second, above 0");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(10), "how long");
ABSL_FLAG(
    std::string, profile, "",
    "in place of --rate and --duration: rates and their seconds one after "
    "the other, such as 100:10,300:20,100:10");
ABSL_FLAG(uint64_t, seed, 0, "the same seed asks for the same; 0: any");
ABSL_FLAG(std::string, history, "", "file for the history; none unless set");
ABSL_FLAG(std::string, target, "127.0.0.1:8088",
          "host:port of the gateway, or of order,cook,delivery,mypage");
ABSL_FLAG(std::string, tokens, "",
          "file with the tokens of everybody we play, see tokens.h; none "
          "unless set");
ABSL_FLAG(std::string, pattern, "mix",
          "mix, race-cancel, race-finish or same-key");
ABSL_FLAG(std::string, mix, "60/20/20", "mix: percents of place/cancel/read");
ABSL_FLAG(double, finish, 0.2, "mix: part of the orders finished by us, too");
ABSL_FLAG(double, deliver, 0.2, "mix: part of the orders delivered by us, too");
ABSL_FLAG(int, restaurant, 1, "whose menu is ordered from");
ABSL_FLAG(int, menus, 16, "spread over so many menu items, 1 to 10000");
ABSL_FLAG(int, max_qty, 3, "orders of 1 to so many, 1 to 99");
ABSL_FLAG(int, first_customer, 1, "the lowest customer id");
ABSL_FLAG(int, customers, 200, "how many customers");
ABSL_FLAG(int, stock, 100000,
          "set on hand of every menu item first; -1 leaves it as it is");
ABSL_FLAG(absl::Duration, race_least, absl::ZeroDuration(),
          "races: the shortest pause before what races");
ABSL_FLAG(absl::Duration, race_most, absl::Milliseconds(10),
          "races: the longest pause");
ABSL_FLAG(int, parallel, 100, "same-key: calls with one key");
ABSL_FLAG(int, channels, 8, "connections to each target, 1 to 100");
ABSL_FLAG(absl::Duration, deadline, absl::Seconds(5), "of every request");
ABSL_FLAG(int, max_in_flight, 20000, "more than these are not sent");
ABSL_FLAG(bool, quiet, false, "no progress line");

namespace load {
namespace {

using platform::BadFlag;

// A constant rate for a while.
struct Phase {
  double rate = 0;
  absl::Duration lasts;
};

// When the arrivals are.
class Schedule {
 public:
  Schedule(std::vector<Phase> phases, absl::Time begin)
      : phases_(std::move(phases)), from_(begin), due_(begin) {}

  // The next arrival; InfiniteFuture after the last.
  absl::Time due() const { return due_; }
  void Advance() {
    const Phase& phase = phases_[phase_];
    due_ = from_ + absl::Seconds(1) / phase.rate * static_cast<double>(++nth_);
    if (due_ < from_ + phase.lasts) return;
    due_ = from_ = from_ + phase.lasts;
    nth_ = 0;
    if (++phase_ == phases_.size()) due_ = absl::InfiniteFuture();
  }
  absl::Time end() const {
    absl::Time end = from_;
    for (size_t i = phase_; i < phases_.size(); ++i) end += phases_[i].lasts;
    return end;
  }

 private:
  const std::vector<Phase> phases_;
  size_t phase_ = 0;
  absl::Time from_;  // when this phase began
  uint64_t nth_ = 0;
  absl::Time due_;
};

struct Config {
  Client::Options client;
  PatternOptions pattern;
  std::vector<Phase> phases;
};

absl::StatusOr<std::vector<Phase>> ReadPhases() {
  std::vector<Phase> phases;
  const std::string profile = absl::GetFlag(FLAGS_profile);
  for (absl::string_view part :
       absl::StrSplit(profile, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> words =
        absl::StrSplit(part, absl::MaxSplits(':', 1));
    double rate = 0, seconds = 0;
    if (!absl::SimpleAtod(words.first, &rate) || !(rate > 0) ||
        !absl::SimpleAtod(words.second, &seconds) || !(seconds > 0)) {
      return BadFlag("profile", "must be like 100:10,300:20");
    }
    phases.push_back({rate, absl::Seconds(seconds)});
  }
  if (!phases.empty()) return phases;
  if (!(absl::GetFlag(FLAGS_rate) > 0)) {
    return BadFlag("rate", "must be above 0");
  }
  if (absl::GetFlag(FLAGS_duration) <= absl::ZeroDuration()) {
    return BadFlag("duration", "must be above 0");
  }
  return std::vector<Phase>{
      {absl::GetFlag(FLAGS_rate), absl::GetFlag(FLAGS_duration)}};
}

absl::Status ReadMix(PatternOptions& options) {
  const std::vector<std::string> parts =
      absl::StrSplit(absl::GetFlag(FLAGS_mix), '/');
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &options.place) ||
      !absl::SimpleAtoi(parts[1], &options.cancel) ||
      !absl::SimpleAtoi(parts[2], &options.read) || options.place < 1 ||
      options.cancel < 0 || options.read < 0 ||
      options.place + options.cancel + options.read != 100) {
    return BadFlag("mix",
                   "must be three percents that add up to 100, such as "
                   "60/20/20, the first above 0");
  }
  return absl::OkStatus();
}

absl::Status ReadTargets(Targets& targets) {
  const std::vector<std::string> given =
      absl::StrSplit(absl::GetFlag(FLAGS_target), ',');
  if (given.size() == 1) {
    targets = {given[0], given[0], given[0], given[0]};
  } else if (given.size() == 4) {
    targets = {given[0], given[1], given[2], given[3]};
  } else {
    return BadFlag("target", "must be one host:port, or four");
  }
  return absl::OkStatus();
}

bool Between(int value, int least, int most) {
  return value >= least && value <= most;
}

absl::StatusOr<Config> LoadConfig() {
  Config config;
  PatternOptions& pattern = config.pattern;
  absl::StatusOr<std::vector<Phase>> phases = ReadPhases();
  if (!phases.ok()) return phases.status();
  config.phases = *std::move(phases);
  pattern.seed = absl::GetFlag(FLAGS_seed);
  while (pattern.seed == 0) pattern.seed = std::random_device{}();
  // No two runs share a key, not even with one seed.
  pattern.run = absl::StrCat(pattern.seed, "-",
                             absl::Hex(absl::ToUnixMicros(absl::Now())));
  pattern.restaurant = absl::GetFlag(FLAGS_restaurant);
  pattern.menus = absl::GetFlag(FLAGS_menus);
  pattern.max_qty = absl::GetFlag(FLAGS_max_qty);
  pattern.first_customer = absl::GetFlag(FLAGS_first_customer);
  pattern.customers = absl::GetFlag(FLAGS_customers);
  pattern.finish = absl::GetFlag(FLAGS_finish);
  pattern.deliver = absl::GetFlag(FLAGS_deliver);
  pattern.least = absl::GetFlag(FLAGS_race_least);
  pattern.most = absl::GetFlag(FLAGS_race_most);
  pattern.parallel = absl::GetFlag(FLAGS_parallel);
  config.client.channels = absl::GetFlag(FLAGS_channels);
  config.client.deadline = absl::GetFlag(FLAGS_deadline);
  config.client.max_in_flight = absl::GetFlag(FLAGS_max_in_flight);
  if (!Between(pattern.menus, 1, 10000)) {
    return BadFlag("menus", "must be 1 to 10000");
  }
  if (!Between(pattern.max_qty, 1, 99)) {
    return BadFlag("max_qty", "must be 1 to 99");
  }
  if (pattern.restaurant < 1 || pattern.first_customer < 1 ||
      pattern.customers < 1 || pattern.parallel < 1) {
    return absl::InvalidArgumentError(
        "--restaurant, --first_customer, --customers and --parallel must be "
        "above 0");
  }
  if (!Between(config.client.channels, 1, 100)) {
    return BadFlag("channels", "must be 1 to 100");
  }
  if (pattern.least > pattern.most) {
    return BadFlag("race_least", "must not be above --race_most");
  }
  if (absl::Status mix = ReadMix(pattern); !mix.ok()) return mix;
  absl::Status targets = ReadTargets(config.client.targets);
  if (!targets.ok()) return targets;
  return config;
}

// Sets what is on hand; tries until the kitchen has said yes to every item.
absl::Status SetStock(Client& client, const PatternOptions& options,
                      int on_hand) {
  if (on_hand < 0) return absl::OkStatus();
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::atomic<int> missing = options.menus;
    for (int32_t menu = 1; menu <= options.menus; ++menu) {
      client.SetStock(absl::Now(), options.restaurant, menu, on_hand,
                      [&missing](const Entry& entry) {
                        if (entry.code == "OK") --missing;
                      });
    }
    client.WaitForAnswers();
    if (missing == 0) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(500));
  }
  return absl::UnavailableError("the stock cannot be set; is the system up?");
}

double Milliseconds(int64_t microseconds) {
  return static_cast<double>(microseconds) / 1000;
}

void PrintProgress(absl::Duration since, Client& client) {
  const Tally recent = client.TakeRecent();
  int64_t ok = 0, refused = 0, unanswered = 0, not_sent = 0;
  for (const auto& [code, count] : recent.codes) {
    if (code == "OK") {
      ok += count;
    } else if (code == "NOT_SENT") {
      not_sent += count;
    } else if (Indeterminate({.code = code})) {
      unanswered += count;
    } else {
      refused += count;
    }
  }
  std::fprintf(stderr,
               "%5.0fs  ok %lld  refused %lld  no answer %lld  not sent %lld  "
               "in flight %d  p50 %.1f  p99 %.1f ms\n",
               absl::ToDoubleSeconds(since), static_cast<long long>(ok),
               static_cast<long long>(refused),
               static_cast<long long>(unanswered),
               static_cast<long long>(not_sent), client.in_flight(),
               Milliseconds(recent.microseconds.Quantile(0.5)),
               Milliseconds(recent.microseconds.Quantile(0.99)));
}

nlohmann::ordered_json Summary(const Config& config, Client& client,
                               absl::Time begin, absl::Time end) {
  nlohmann::ordered_json summary = {{"seed", config.pattern.seed},
                                    {"run", config.pattern.run},
                                    {"begin", absl::ToUnixMicros(begin)},
                                    {"end", absl::ToUnixMicros(end)},
                                    {"rate", config.phases.front().rate}};
  for (const auto& [op, tally] : client.Totals()) {
    summary["ops"][op] = {
        {"codes", tally.codes},
        {"p50_ms", Milliseconds(tally.microseconds.Quantile(0.5))},
        {"p99_ms", Milliseconds(tally.microseconds.Quantile(0.99))},
        {"max_ms", Milliseconds(tally.microseconds.Quantile(1))}};
  }
  return summary;
}

absl::Status Run() {
  const absl::StatusOr<Config> config = LoadConfig();
  if (!config.ok()) return config.status();
  const auto history = History::Open(absl::GetFlag(FLAGS_history));
  if (!history.ok()) return history.status();

  const absl::StatusOr<Tokens> tokens =
      Tokens::Read(absl::GetFlag(FLAGS_tokens));
  if (!tokens.ok()) return tokens.status();

  Agenda agenda;
  Client client(config->client, **history, *tokens);
  const auto pattern = MakePattern(absl::GetFlag(FLAGS_pattern),
                                   config->pattern, agenda, client);
  if (!pattern.ok()) return pattern.status();
  if (absl::Status stocked =
          SetStock(client, config->pattern, absl::GetFlag(FLAGS_stock));
      !stocked.ok()) {
    return stocked;
  }

  const absl::Time begin = absl::Now();
  Schedule schedule(config->phases, begin);
  const absl::Time end = schedule.end();
  uint64_t number = 0;
  std::function<void()> arrive = [&] {
    // All that is due: an agenda that fell behind catches up.
    for (; schedule.due() <= absl::Now(); schedule.Advance()) {
      (*pattern)->Arrive(number++, schedule.due());
    }
    if (schedule.due() < end) agenda.At(schedule.due(), arrive);
  };
  agenda.At(begin, arrive);
  std::function<void()> progress = [&] {
    PrintProgress(absl::Now() - begin, client);
    agenda.At(absl::Now() + absl::Seconds(1), progress);
  };
  if (!absl::GetFlag(FLAGS_quiet)) {
    agenda.At(begin + absl::Seconds(1), progress);
  }
  agenda.RunUntil(end);
  // What insists has a moment more, so that its last answers are definite.
  agenda.RunUntil(end + absl::Seconds(2));
  client.WaitForAnswers();
  std::printf("%s\n", Summary(*config, client, begin, end).dump(1).c_str());
  return (*history)->Close();
}

}  // namespace
}  // namespace load

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("puts load on the system and keeps a history");
  platform::ParseFlags(argc, argv);
  return platform::ExitCode(load::Run());
}
