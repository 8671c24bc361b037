#include "platform/thread/rounds.h"

#include <utility>

#include "absl/time/clock.h"

namespace platform {

Rounds::Rounds(std::function<absl::Duration()> round)
    : round_(std::move(round)), thread_([this] { Work(); }) {}

Rounds::~Rounds() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void Rounds::Work() {
  while (true) {
    const absl::Time next = absl::Now() + round_();
    MutexLock lock(mutex_);
    for (absl::Time now = absl::Now(); !stopping_ && now < next;
         now = absl::Now()) {
      wake_.WaitFor(mutex_, next - now);
    }
    if (stopping_) return;
  }
}

}  // namespace platform
