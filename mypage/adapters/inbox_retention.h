// Forgets old inbox rows. Elsewhere the relay does it; mypage publishes nothing
// and has none.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"

namespace mypage {

// Deletes inbox rows older than 30 days, a little every minute, on a thread of
// its own, while it lives. Any number of replicas may do it at once.
class InboxRetention {
 public:
  // `pool` must outlive this and must have been prepared with
  // platform::events::Retention::Prepare().
  explicit InboxRetention(platform::pg::Pool& pool);
  ~InboxRetention();
  InboxRetention(const InboxRetention&) = delete;
  InboxRetention& operator=(const InboxRetention&) = delete;

 private:
  void Work();

  platform::pg::Pool& pool_;
  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mypage
