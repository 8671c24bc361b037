// Bugs planted on purpose, to see that the drills find them.
//
//   if (planted::Is("relay_marks_before_ack")) …
//
// In a normal build this is `false` at compile time, and nothing of it is left.
// With the CMake option PLANTED_BUGS (preset `planted`) the flag --planted_bug
// chooses one; `scripts/drill planted` runs them all. A planted bug is one line
// where the mistake would be made, and is named in planted.cc.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "planted_bugs.h"  // made by CMake: defines PLANTED_BUGS, or nothing

namespace platform::planted {

#ifdef PLANTED_BUGS
// True if the flag chose `bug`.
bool Is(absl::string_view bug);
// `INVALID_ARGUMENT` if the flag names no bug.
absl::Status Check();
#else
constexpr bool Is(absl::string_view /*bug*/) { return false; }
inline absl::Status Check() { return absl::OkStatus(); }
#endif

}  // namespace platform::planted
