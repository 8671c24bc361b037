// Runs simulated histories for as long as asked; see scripts/simulate.
#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/time/clock.h"

#include "tests/simulator/simulate.h"

ABSL_FLAG(uint64_t, seed, 1, "Of the first history.");
ABSL_FLAG(int64_t, histories, INT64_MAX, "How many to run at most.");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(10), "How long at most.");
ABSL_FLAG(int, orders, 3, "Orders in one history.");
ABSL_FLAG(std::string, bug, "none",
          "A mistake to be found, or \"all\", or \"list\".");

namespace simulator {
namespace {

int RunOne(Options options, const char* what) {
  Totals totals;
  const absl::Time start = absl::Now();
  const std::optional<Failure> failure = Simulate(
      options, absl::GetFlag(FLAGS_seed), absl::GetFlag(FLAGS_histories),
      absl::GetFlag(FLAGS_duration), totals);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  if (failure.has_value()) {
    std::fputs(Text(*failure, options).c_str(), stdout);
  }
  std::printf(
      "%s: %lld histories, %lld orders, %lld crashes, %lld redeliveries in "
      "%.1f s: %.0f orders/s; %s\n",
      what, static_cast<long long>(totals.histories),
      static_cast<long long>(totals.orders),
      static_cast<long long>(totals.crashes),
      static_cast<long long>(totals.redeliveries), seconds,
      static_cast<double>(totals.orders) / seconds,
      failure.has_value() ? "VIOLATED" : "every invariant held");
  std::fflush(stdout);
  return failure.has_value() ? 1 : 0;
}

int Main() {
  const std::string wanted = absl::GetFlag(FLAGS_bug);
  Options options{.orders = absl::GetFlag(FLAGS_orders)};
  if (options.orders < 1 || options.orders > 1000) {
    std::fprintf(stderr, "simulate: --orders must be 1 to 1000\n");
    return 2;
  }
  int missed = 0;
  bool known = false;
  for (int i = 0; i < kBugs; ++i) {
    options.bug = static_cast<Bug>(i);
    if (wanted == "list") {
      std::printf("%s\n", Name(options.bug));
      known = true;
    } else if (wanted == "all" && options.bug != Bug::kNone) {
      known = true;
      if (RunOne(options, Name(options.bug)) == 0) ++missed;
    } else if (wanted == Name(options.bug)) {
      return RunOne(options, Name(options.bug));
    }
  }
  if (!known) {
    std::fprintf(stderr, "simulate: there is no bug %s\n", wanted.c_str());
    return 2;
  }
  if (missed > 0) std::printf("%d bugs were not found\n", missed);
  return missed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace simulator

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("simulates whole order lives with faults");
  absl::ParseCommandLine(argc, argv);
  return simulator::Main();
}
