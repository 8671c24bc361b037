// Connection strings.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace platform::pg {

// Returns `dsn`, a libpq connection string of either form, with the parameter
// `name` set to `value`, unless it says something about `name` itself: what its
// `options` tell the server does not count. `value` must need no quoting.
std::string WithDefault(const std::string& dsn, absl::string_view name,
                        absl::string_view value);

// What Connection (connection.h) connects with: gives up a connect after 3 s,
// and a server that vanished within 10 s instead of a quarter of an hour, or of
// for ever while a statement waits there; unless `dsn` says otherwise.
std::string WithTimeouts(const std::string& dsn);

}  // namespace platform::pg
