// What the kitchen says.
#pragma once

#include "platform/events/message.h"
#include "platform/time/clock.h"

namespace delivery {

// The handler of `Cooked`: starts deliveries, a whole batch in two statements.
// Fails with `INVALID_ARGUMENT` if a payload cannot be read.
platform::events::Handler CookEvents(platform::Clock clock);

}  // namespace delivery
