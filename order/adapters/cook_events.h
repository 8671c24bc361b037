// What the kitchen says.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "order/app/use_cases.h"
#include "platform/events/message.h"

namespace order {

// What `message` asks of its order. `INVALID_ARGUMENT` if it cannot be read.
absl::StatusOr<Change> DecodeCookEvent(
    const platform::events::Message& message);

// `CookQtyChecked` rejects the order, `CookCancelled` cancels it. Fails with
// `NOT_FOUND` if an order is unknown, `FAILED_PRECONDITION` if the order's
// state forbids it, `INVALID_ARGUMENT` if a payload cannot be read.
absl::Status HandleCookEvents(
    pqxx::work& tx, absl::Span<const platform::events::Message> messages);

}  // namespace order
