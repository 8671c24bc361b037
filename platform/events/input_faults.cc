#include "platform/events/input_faults.h"

#include <utility>

#include "absl/time/clock.h"

#include "platform/failpoint/failpoint.h"

namespace platform::events {
namespace {

using failpoint::Action;

failpoint::Point input("consumer.input", failpoint::Point::Kind::kInput);

// What is held is in nobody's acks: a consumer holds no more than a few hands.
constexpr size_t kMostHeld = 1000;

}  // namespace

std::vector<InMessage> InputFaults::Pass(std::vector<InMessage> arrived) {
  if (!input.armed() && held_.empty()) return arrived;
  const absl::Time now = absl::Now();
  std::vector<InMessage> passed;
  std::vector<Held> still_held;
  for (Held& held : held_) {
    if (held.due <= now) {
      passed.push_back(std::move(held.message));
    } else {
      still_held.push_back(std::move(held));
    }
  }
  held_ = std::move(still_held);
  for (InMessage& message : arrived) {
    const Action action = input.Take();
    if (action.kind == Action::Kind::kDrop) continue;
    const bool room = held_.size() < kMostHeld;
    if (action.kind == Action::Kind::kDuplicate && room) {
      held_.push_back({now + action.duration, message});
    }
    if (action.kind == Action::Kind::kHold && room) {
      held_.push_back({now + action.duration, std::move(message)});
    } else {
      passed.push_back(std::move(message));
    }
  }
  return passed;
}

std::vector<InMessage> InputFaults::TakeHeld() {
  std::vector<InMessage> messages;
  for (Held& held : held_) messages.push_back(std::move(held.message));
  held_.clear();
  return messages;
}

}  // namespace platform::events
