// The timeline as a row keeps it: text that an operator can read and that costs
// next to nothing to read and write (docs/adr/0013).
//
// One line per event, oldest first, fields separated by tabs:
//
//   2026-07-04T09:30:00.000000Z order 1 1 ORDERED customer <event id> <reason>
//
// which are: at, source, its version, its state's number, status, by, event id,
// reason. Backslash, tab, newline and U+0000 inside a field are written \\ \t
// \n \0.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "mypage/domain/mypage_view.h"

namespace mypage {

std::string ToText(absl::Span<const Entry> timeline);

// Fails with `DATA_LOSS` if a line is not of the form above. Fields after the
// last are ignored: a newer program may have written them.
absl::StatusOr<std::vector<Entry>> ParseTimeline(absl::string_view text);

}  // namespace mypage
