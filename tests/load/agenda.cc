#include "tests/load/agenda.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace load {

using platform::MutexLock;

void Agenda::At(absl::Time when, Task task) {
  MutexLock lock(mutex_);
  items_.push({when, next_number_++, std::move(task)});
  changed_.Signal();
}

void Agenda::RunUntil(absl::Time end) {
  while (true) {
    Task task;
    {
      MutexLock lock(mutex_);
      while (true) {
        const absl::Time now = absl::Now();
        if (now >= end) return;
        if (!items_.empty() && items_.top().when <= now) break;
        const absl::Time next =
            items_.empty() ? end : std::min(end, items_.top().when);
        changed_.WaitFor(mutex_, next - now);
      }
      task = items_.top().task;
      items_.pop();
    }
    task();
  }
}

}  // namespace load
