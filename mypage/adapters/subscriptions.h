// What mypage hears, and how.
#pragma once

#include <vector>

#include "platform/events/commands.h"
#include "platform/events/consumer.h"

namespace mypage {

// All that the others say, by durables of the same name on each stream.
std::vector<platform::events::Subscription> Subscriptions();

// How one of them is consumed.
platform::events::ConsumerOptions OptionsOf(
    const platform::events::Subscription& subscription);

}  // namespace mypage
