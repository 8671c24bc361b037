#include "tests/simulator/simulate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace simulator {
namespace {

// How many other histories of fewer orders are tried for a shorter one.
constexpr uint64_t kOtherSeeds = 3000;

// "I3" of "I3: …".
std::string Invariant(const std::string& violation) {
  return violation.substr(0, violation.find(':'));
}

struct Case {
  Options options;
  std::vector<uint32_t> choices;
  Outcome outcome;
};

bool StillFails(const Case& found, const Options& options, Choices& choices,
                Outcome& outcome) {
  outcome = Run(options, choices);
  return Invariant(outcome.violation) == Invariant(found.outcome.violation);
}

// The same mistake, with fewer orders.
void TryFewerOrders(Case& found, uint64_t seed) {
  for (int orders = 1; orders < found.options.orders; ++orders) {
    Options fewer = found.options;
    fewer.orders = orders;
    for (uint64_t i = 0; i < kOtherSeeds; ++i) {
      Choices choices(seed + i);
      Outcome outcome;
      if (StillFails(found, fewer, choices, outcome)) {
        found = {fewer, choices.recorded(), std::move(outcome)};
        return;
      }
    }
  }
}

// The same mistake, with fewer choices that are not calm.
void TryCalmer(Case& found) {
  for (size_t block = found.choices.size(); block > 0; block /= 2) {
    for (size_t from = 0; from < found.choices.size(); from += block) {
      std::vector<uint32_t> calmer = found.choices;
      const auto begin = calmer.begin() + static_cast<ptrdiff_t>(from);
      const auto end = calmer.begin() + static_cast<ptrdiff_t>(std::min(
                                            from + block, calmer.size()));
      if (std::all_of(begin, end, [](uint32_t c) { return c == 0; })) continue;
      std::fill(begin, end, 0);
      Choices choices(calmer);
      Outcome outcome;
      if (!StillFails(found, found.options, choices, outcome)) continue;
      found.choices = std::move(calmer);
      found.outcome = std::move(outcome);
    }
  }
}

Failure Shorten(const Options& options, uint64_t seed, Choices& choices,
                Outcome outcome) {
  Case found{options, choices.recorded(), std::move(outcome)};
  TryFewerOrders(found, seed);
  // Twice: what was needed before may not be any more.
  TryCalmer(found);
  TryCalmer(found);
  Options telling = found.options;
  telling.tell = true;
  Choices again(found.choices);
  return {seed, Run(telling, again)};
}

}  // namespace

std::optional<Failure> Simulate(const Options& options, uint64_t first,
                                int64_t count, absl::Duration time,
                                Totals& totals) {
  const absl::Time end = absl::Now() + time;
  for (int64_t i = 0; i < count; ++i) {
    if (i % 64 == 0 && absl::Now() > end) break;
    const uint64_t seed = first + static_cast<uint64_t>(i);
    Choices choices(seed);
    Outcome outcome = Run(options, choices);
    ++totals.histories;
    totals.orders += outcome.orders;
    totals.crashes += outcome.crashes;
    totals.redeliveries += outcome.redeliveries;
    if (!outcome.violation.empty()) {
      return Shorten(options, seed, choices, std::move(outcome));
    }
  }
  return std::nullopt;
}

std::string Text(const Failure& failure, const Options& options) {
  return absl::StrCat("violated: ", failure.outcome.violation,
                      "\nagain:    scripts/simulate --seed ", failure.seed,
                      " --histories 1", " --orders ", options.orders,
                      options.bug == Bug::kNone
                          ? std::string()
                          : absl::StrCat(" --bug ", Name(options.bug)),
                      "\nthe shortest history found that violates it:\n  ",
                      absl::StrJoin(failure.outcome.story, "\n  "), "\n");
}

}  // namespace simulator
