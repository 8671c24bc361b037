// Work that is done again and again.
#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "platform/thread/mutex.h"

namespace platform {

// Calls `round` on a thread of its own while it lives, at once and then again
// after as long as it says (0: without a pause).
//
// Make it the last member of what `round` uses: it must go first.
class Rounds {
 public:
  explicit Rounds(std::function<absl::Duration()> round);
  // Waits for the end of the round in hand.
  ~Rounds();
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

 private:
  void Work();

  const std::function<absl::Duration()> round_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace platform
