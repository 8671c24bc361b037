#include "platform/pg/dsn.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace platform::pg {

std::string WithDefault(const std::string& dsn, absl::string_view name,
                        absl::string_view value) {
  if (absl::StrContains(dsn, name)) return dsn;
  const char* separator = " ";
  if (absl::StrContains(dsn, "://")) {
    separator = absl::StrContains(dsn, '?') ? "&" : "?";
  }
  return absl::StrCat(dsn, separator, name, "=", value);
}

std::string WithTimeouts(const std::string& dsn) {
  return WithDefault(WithDefault(dsn, "connect_timeout", "3"),
                     "tcp_user_timeout", "5000");
}

}  // namespace platform::pg
