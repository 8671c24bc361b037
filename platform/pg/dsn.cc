#include "platform/pg/dsn.h"

#include <regex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace platform::pg {
namespace {

// A parameter stands alone, before `=`, and outside of quotes.
bool Says(const std::string& dsn, absl::string_view name) {
  static const std::regex quoted(R"('([^'\\]|\\.)*')");
  return std::regex_search(
      std::regex_replace(dsn, quoted, "''"),
      std::regex(absl::StrCat("(^|[\\s?&])", name, "\\s*=")));
}

}  // namespace

std::string WithDefault(const std::string& dsn, absl::string_view name,
                        absl::string_view value) {
  if (Says(dsn, name)) return dsn;
  const char* separator = " ";
  if (absl::StrContains(dsn, "://")) {
    separator = absl::StrContains(dsn, '?') ? "&" : "?";
  }
  return absl::StrCat(dsn, separator, name, "=", value);
}

std::string WithTimeouts(const std::string& dsn) {
  std::string result = dsn;
  // The user timeout counts while something is unacknowledged: probes, too.
  for (const auto& [name, value] : {std::pair{"connect_timeout", "3"},
                                    {"tcp_user_timeout", "5000"},
                                    {"keepalives_idle", "5"},
                                    {"keepalives_interval", "2"}}) {
    result = WithDefault(result, name, value);
  }
  return result;
}

}  // namespace platform::pg
