// Connection strings.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace platform::pg {

// Returns `dsn`, a libpq connection string of either form, with the parameter
// `name` set to `value`, unless it says something about `name` itself. `value`
// must need no quoting.
std::string WithDefault(const std::string& dsn, absl::string_view name,
                        absl::string_view value);

}  // namespace platform::pg
