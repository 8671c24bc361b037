// Forgets old inbox rows where the relay does not: in a service that publishes
// nothing and has none.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"

namespace platform::events {

// Deletes inbox rows older than 30 days, a little every minute, on a thread of
// its own, while it lives. Any number of replicas may do it at once.
class InboxRetention {
 public:
  // `pool` must outlive this and must have been prepared with
  // Retention::Prepare().
  explicit InboxRetention(pg::Pool& pool);
  ~InboxRetention();
  InboxRetention(const InboxRetention&) = delete;
  InboxRetention& operator=(const InboxRetention&) = delete;

 private:
  void Work();

  pg::Pool& pool_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace platform::events
