// What mypage hears, and how.
#pragma once

#include <vector>

#include "platform/events/commands.h"
#include "platform/events/consumer.h"

namespace mypage {

// All that the others say; one durable.
std::vector<platform::events::Subscription> Subscriptions();

platform::events::ConsumerOptions OptionsOf(
    const platform::events::Subscription& subscription);

}  // namespace mypage
