// What the order service says, and what the kitchen makes of it.
#pragma once

#include "platform/events/message.h"
#include "platform/time/clock.h"

namespace cook {

// The handler of `Ordered`: takes stock and begins to cook, or rejects. A whole
// batch is a handful of statements.
platform::events::Handler OrderEvents(platform::Clock clock);

}  // namespace cook
