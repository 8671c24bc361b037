// Holds a thread of an executor, for tests of what waits behind it.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "platform/thread/executor.h"
#include "tests/support/notification.h"
#include "tests/support/status_matchers.h"

namespace test_support {

// Keeps one thread of an executor busy until it is opened, or goes.
class ExecutorGate {
 public:
  explicit ExecutorGate(platform::Executor& executor) {
    EXPECT_THAT(
        executor.Submit(platform::Priority::kUrgent, absl::InfiniteFuture(),
                        [doors = doors_](const absl::Status&) {
                          doors->entered.Notify();
                          doors->opened.WaitForNotification();
                        }),
        IsOk());
    doors_->entered.WaitForNotification();
  }
  ~ExecutorGate() { Open(); }
  void Open() { doors_->opened.Notify(); }

 private:
  struct Doors {
    Notification entered;
    Notification opened;
  };
  // The task may be on its way out when the gate is gone.
  const std::shared_ptr<Doors> doors_ = std::make_shared<Doors>();
};

}  // namespace test_support
