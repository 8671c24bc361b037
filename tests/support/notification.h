// absl::Notification for our tests: TSan does not see the locks of Debian's.
#pragma once

#include "absl/base/thread_annotations.h"

#include "platform/thread/mutex.h"

namespace test_support {

// Something that happens once; saying so again changes nothing. Thread-safe.
class Notification {
 public:
  void Notify() {
    platform::MutexLock lock(mutex_);
    notified_ = true;
    changed_.SignalAll();
  }
  void WaitForNotification() {
    platform::MutexLock lock(mutex_);
    while (!notified_) changed_.Wait(mutex_);
  }

 private:
  platform::Mutex mutex_;
  platform::CondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace test_support
