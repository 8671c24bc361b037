// Plays the kitchen, for demos and load.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace cook {

// Finishes every ticket `after` it was made, on a thread of its own, while it
// lives. Any number of replicas may play: they share the work.
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

  // Says that tickets are being made: they will be looked for when they are due
  // and not only at the next regular look. Thread-safe, cheap.
  void TicketsMade();

 private:
  void Work();
  // Blocks until it is time to look. False if it is time to stop.
  bool WaitForWork();
  // Finishes what is due; returns when to look again.
  absl::Time FinishDueTickets();

  platform::pg::Pool& pool_;
  const platform::Clock clock_;
  const absl::Duration after_;
  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // Until then tickets may be due that are not committed yet.
  absl::Time awake_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace cook
