// What the cook service says, as mypage hears it.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "mypage/domain/mypage_view.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace mypage {

// What `message` says; nothing if its type is not known. Fails with
// `INVALID_ARGUMENT` if it cannot be read.
absl::StatusOr<std::optional<Heard>> DecodeCookEvent(
    const platform::events::Message& message);

// Applies events of the stream COOK. A platform::events::Handler.
absl::Status HandleCookEvents(
    pqxx::work& tx, absl::Span<const platform::events::Message> messages);

}  // namespace mypage
