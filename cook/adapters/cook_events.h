// What the cook service says: facts as outbox rows.
#pragma once

#include <string>

#include "cook/domain/ticket.h"
#include "platform/events/outbox.h"

namespace cook {

// The event of what happened to `ticket`, which must have a fact.
platform::events::OutboxEvent ToOutbox(const Ticket& ticket,
                                       std::string traceparent);

}  // namespace cook
