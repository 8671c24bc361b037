// What the delivery service says: facts as outbox rows.
#pragma once

#include <string>

#include "delivery/domain/delivery.h"
#include "platform/events/outbox.h"

namespace delivery {

// The event of what happened to `delivery`, which must have a fact.
platform::events::OutboxEvent ToOutbox(const Delivery& delivery,
                                       std::string traceparent);

}  // namespace delivery
