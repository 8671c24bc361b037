// The failpoint `consumer.input`: what a network may do to events between the
// stream and a consumer.
#pragma once

#include <vector>

#include "absl/time/time.h"

#include "platform/events/jetstream.h"

namespace platform::events {

// Loses, repeats and holds back messages as `consumer.input` is armed to; else
// passes them on untouched. Not thread-safe; one for each consumer.
class InputFaults {
 public:
  // What the consumer gets of `arrived`, after what was held back and is due.
  std::vector<InMessage> Pass(std::vector<InMessage> arrived);

  // What is still held back; the end.
  std::vector<InMessage> TakeHeld();

 private:
  struct Held {
    absl::Time due;
    InMessage message;
  };

  std::vector<Held> held_;
};

}  // namespace platform::events
