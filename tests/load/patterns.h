// What the load consists of: a pattern decides what each arrival does.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/thread/mutex.h"
#include "tests/load/agenda.h"
#include "tests/load/client.h"

namespace load {

struct PatternOptions {
  uint64_t seed = 1;
  // In front of every key, so that no run repeats another's.
  std::string run;
  int32_t restaurant = 1;
  int32_t menus = 16;
  int32_t max_qty = 3;
  int32_t first_customer = 1;
  int32_t customers = 1000;
  // mix: percents of the arrivals.
  int place = 60, cancel = 20, read = 20;
  // mix: parts of the placed orders, 0 to 1.
  double finish = 0.2;   // the kitchen presses its button, too
  double deliver = 0.2;  // likewise the courier
  double repeat = 0.05;  // the same request again
  double reuse = 0.02;   // its key with another body
  // race-cancel: from the answer to the cancel; race-finish: from the ticket's
  // appearance to each of the two. Uniform in [least, most].
  absl::Duration least, most;
  int parallel = 100;  // same-key: calls with one key
};

// Thread-safe.
class Pattern {
 public:
  virtual ~Pattern() = default;
  // Arrival `number`, which the plan wanted at `intended`.
  virtual void Arrive(uint64_t number, absl::Time intended) = 0;
};

// `name`:
//   mix          places, cancels and reads, and for a part of the orders also
//                finishes, delivers, repeats, and key reuse
//   race-cancel  an order and, soon after its answer, its cancel: does it come
//                before or after the kitchen has heard of the order?
//   race-finish  an order and, as soon as it is cooking, at the same time its
//                cancel and its finish
//   same-key     one request many times at once, and its key with another body
// Fails with `INVALID_ARGUMENT` if there is no such pattern. `agenda` and
// `client` must outlive it.
absl::StatusOr<std::unique_ptr<Pattern>> MakePattern(const std::string& name,
                                                     PatternOptions options,
                                                     Agenda& agenda,
                                                     Client& client);

}  // namespace load
