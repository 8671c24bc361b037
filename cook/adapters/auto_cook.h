// Plays the kitchen, for demos and load.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace cook {

// Finishes every ticket `after` it was made (and up to 100 ms later), on a
// thread of its own, while it lives. Any number of replicas may play: they
// share the work.
class AutoCook {
 public:
  // `pool` must outlive it and its connections must have been prepared with
  // PrepareTicketStore(), PrepareTicketQueries() and events::PrepareOutbox().
  // `after` is 0 or more.
  AutoCook(platform::pg::Pool& pool, platform::Clock clock,
           absl::Duration after);
  // Finishes the batch in hand, then stops.
  ~AutoCook();
  AutoCook(const AutoCook&) = delete;
  AutoCook& operator=(const AutoCook&) = delete;

 private:
  void Work();
  // Finishes what is due; returns how long to wait before the next look.
  absl::Duration Round();

  platform::pg::Pool& pool_;
  const platform::Clock clock_;
  const absl::Duration after_;
  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cook
