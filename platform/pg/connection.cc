#include "platform/pg/connection.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "platform/pg/dsn.h"

namespace platform::pg {

Connection::Connection(const std::string& dsn)
    : pqxx::connection(WithTimeouts(dsn)) {
  SetDefaults(*this, {{"tcp_keepalives_idle", "10"},
                      {"tcp_keepalives_interval", "5"},
                      {"tcp_keepalives_count", "3"},
                      {"tcp_user_timeout", "25s"}});
}

void SetDefaults(
    pqxx::connection& connection,
    std::initializer_list<std::pair<const char*, const char*>> settings) {
  const auto row = [](std::string* out, const auto& setting) {
    absl::StrAppend(out, "('", setting.first, "', '", setting.second, "')");
  };
  pqxx::nontransaction(connection)
      .exec(absl::StrCat(R"sql(
    SELECT set_config(name, value, false)
    FROM pg_settings JOIN (VALUES )sql",
                         absl::StrJoin(settings, ", ", row),
                         R"sql() AS wanted (name, value) USING (name)
    WHERE source = 'default')sql"));
}

}  // namespace platform::pg
