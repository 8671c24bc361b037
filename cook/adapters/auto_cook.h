// Plays the kitchen, for demos and load.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace cook {

struct AutoCookOptions {
  // How long after it was made a ticket is finished, 0 or more.
  absl::Duration after = absl::ZeroDuration();
  // How often to look for tickets that nobody told of: another process made
  // them.
  absl::Duration look_every = absl::Milliseconds(250);
  // How long after TicketsMade() a ticket may be committed and still be found
  // at once.
  absl::Duration commit_time = absl::Milliseconds(50);
};

// Finishes every ticket some time after it was made, on a thread of its own,
// while it lives. Any number of replicas may play: they share the work.
class AutoCook {
 public:
  // `pool` must outlive it and its connections must have been prepared with
  // PrepareTicketStore(), PrepareTicketQueries() and events::PrepareOutbox().
  AutoCook(platform::pg::Pool& pool, platform::Clock clock,
           AutoCookOptions options);
  // Finishes the batch in hand, then stops.
  ~AutoCook();
  AutoCook(const AutoCook&) = delete;
  AutoCook& operator=(const AutoCook&) = delete;

  // Says that tickets are being made: they will be looked for when they are due
  // and not only by the way. Thread-safe, cheap.
  void TicketsMade();

 private:
  void Work();
  // Blocks until it is time to look. False if it is time to stop.
  bool WaitForWork();
  // Finishes what is due; returns when to look again.
  absl::Time FinishDueTickets();

  platform::pg::Pool& pool_;
  const platform::Clock clock_;
  const AutoCookOptions options_;
  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // Until then tickets may be due that are not committed yet.
  absl::Time awake_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace cook
