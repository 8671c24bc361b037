// What the courier says.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "platform/events/message.h"

namespace order {

// `Delivered` completes the order. Fails with `NOT_FOUND` if an order is
// unknown, `FAILED_PRECONDITION` if the order's state forbids it,
// `INVALID_ARGUMENT` if a payload cannot be read.
absl::Status HandleDeliveryEvents(
    pqxx::work& tx, absl::Span<const platform::events::Message> messages);

}  // namespace order
