// How much may wait: as much as can be done soon, whatever "soon" allows today.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace platform {

// A limit on work in hand that follows what the machine can do.
//
// The signal is CoDel's (RFC 8289): the shortest wait within an interval. If
// even that is above the target, there is a standing queue: more is let in than
// is done, and everybody waits for nothing. A burst that is worked off within
// the interval is none. The response is additive increase, multiplicative
// decrease: a standing queue takes a fifth off the limit; an interval without
// one, or in which nothing was asked, adds a twentieth of the most that it may
// be, so that a slow spell is soon forgotten.
//
// Not thread-safe: guard it with the queue's own mutex.
class AdaptiveLimit {
 public:
  struct Options {
    size_t least = 1;  // > 0: what keeps the workers busy
    size_t most = 1;   // >= least
    absl::Duration target = absl::Milliseconds(100);
    absl::Duration interval = absl::Milliseconds(100);
  };

  explicit AdaptiveLimit(const Options& options)
      : options_(options), limit_(options.most) {}

  // True if one more may come behind `waiting` others.
  bool Admits(size_t waiting) const { return waiting < limit_; }

  // Something that waited for `wait` is begun.
  void Begun(absl::Duration wait, absl::Time now);

  size_t limit() const { return limit_; }

 private:
  const Options options_;
  size_t limit_;
  absl::Duration shortest_ = absl::InfiniteDuration();
  absl::Time interval_ends_ = absl::InfinitePast();
};

}  // namespace platform
