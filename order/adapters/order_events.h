// What the order service says: facts → outbox rows.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "order/domain/order.h"
#include "platform/events/outbox.h"

namespace order {

// The event that tells `fact`, with a new event id.
platform::events::OutboxEvent ToEvent(const Fact& fact,
                                      absl::string_view traceparent);

}  // namespace order
