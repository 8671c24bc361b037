// What the order service says.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace newcomer {

// Applies events of the stream ORDER, a whole batch in one statement. A
// platform::events::Handler. Fails with `INVALID_ARGUMENT` if a payload cannot
// be read; types that it does not know are none of its business.
absl::Status HandleOrderEvents(
    pqxx::work& tx, absl::Span<const platform::events::Message> messages);

}  // namespace newcomer
