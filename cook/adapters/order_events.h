// What the order service says, and what the kitchen makes of it.
#pragma once

#include <functional>

#include "platform/events/message.h"
#include "platform/time/clock.h"

namespace cook {

// The handler of `Ordered`: takes stock and begins to cook, or rejects. A whole
// batch is a handful of statements. `on_begun` is called when tickets were
// made, before they are committed.
platform::events::Handler OrderEvents(platform::Clock clock,
                                      std::function<void()> on_begun);

}  // namespace cook
