// What cook_events and delivery_events share: events → changes of orders, a
// batch at a time.
#pragma once

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "order/app/use_cases.h"
#include "platform/events/message.h"
#include "platform/time/clock.h"

namespace order {

// `INVALID_ARGUMENT`: it will never be readable, park it.
absl::Status Malformed(const platform::events::Message& message);

// A change of the order `order_id`; Malformed() if that is not an id.
absl::StatusOr<Change> ChangeOf(const platform::events::Message& message,
                                const std::string& order_id,
                                std::function<absl::Status(Order&)> apply);

// Takes the changes that `to_change` makes of `messages`, all or none.
absl::Status ApplyEvents(
    pqxx::work& tx, absl::Span<const platform::events::Message> messages,
    absl::FunctionRef<absl::StatusOr<Change>(const platform::events::Message&)>
        to_change);

}  // namespace order
