// From messages to views: what the three publishers' event files share.
#pragma once

#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "mypage/domain/mypage_view.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace mypage {

// What a message says; nothing if its type is not known: a newer publisher says
// more than this program understands, which is none of an event's fault.
// `INVALID_ARGUMENT` if it cannot be read.
using Decode = absl::FunctionRef<absl::StatusOr<std::optional<Heard>>(
    const platform::events::Message&)>;

// Decodes and applies `messages`. `tx`'s connection must have been prepared
// with PrepareMypage(). Metrics, by source: projection_lag_seconds (how old the
// newest event was when it was applied last), projection_apply_delay_seconds
// (of each event).
absl::Status ApplyMessages(
    pqxx::work& tx, Source source, Decode decode,
    absl::Span<const platform::events::Message> messages);

// Checks what all events have in common and gives it its form.
//   order_id, version   as the event's snapshot says
//   status              as the timeline words it
absl::StatusOr<std::optional<Heard>> HeardOf(
    const platform::events::Message& message, absl::string_view order_id,
    Header header, Source source, int32_t version, int32_t state,
    absl::string_view status, absl::string_view by, absl::string_view reason);

// `INVALID_ARGUMENT`: this message cannot be read, now or later.
absl::Status Malformed(const platform::events::Message& message,
                       absl::string_view why);

}  // namespace mypage
