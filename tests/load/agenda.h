// What is to be done when: the one thread that drives the load.
#pragma once

#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "platform/thread/mutex.h"

namespace load {

// Things to do, each at its time. Thread-safe.
class Agenda {
 public:
  using Task = std::function<void()>;

  void At(absl::Time when, Task task);

  // Does what is due until `end`, on this thread. What is due later is dropped
  // together with the agenda.
  void RunUntil(absl::Time end);

 private:
  struct Item {
    absl::Time when;
    uint64_t number;  // the first one asked for comes first
    Task task;
    bool operator<(const Item& other) const {
      return std::tie(when, number) > std::tie(other.when, other.number);
    }
  };

  platform::Mutex mutex_;
  platform::CondVar changed_;
  std::priority_queue<Item> items_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace load
