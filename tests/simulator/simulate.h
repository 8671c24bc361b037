// Many histories, and the shortest of those that went wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "tests/simulator/world.h"

namespace simulator {

struct Totals {
  int64_t histories = 0;
  int64_t orders = 0;
  int64_t crashes = 0;
  int64_t redeliveries = 0;
};

// What was found.
struct Failure {
  uint64_t seed = 0;  // of the history that failed first
  Outcome outcome;    // of the shortest that was found for it, with its story
};

// Runs histories with the seeds `first`, `first` + 1, … until one fails, or
// `count` were run, or the time is up.
std::optional<Failure> Simulate(const Options& options, uint64_t first,
                                int64_t count, absl::Duration time,
                                Totals& totals);

// For people: the violation, how to see it again, the story.
std::string Text(const Failure& failure, const Options& options);

}  // namespace simulator
