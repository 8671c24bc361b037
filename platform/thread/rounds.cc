#include "platform/thread/rounds.h"

#include <utility>

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
    const absl::Duration pause = round_();
    MutexLock lock(mutex_);
    // Woken early for nothing it merely comes a little earlier.
    if (!stopping_) wake_.WaitFor(mutex_, pause);
    if (stopping_) return;
  }
}

}  // namespace platform
