#include "platform/pg/connection.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "platform/pg/dsn.h"

namespace platform::pg {
namespace {

void Set(pqxx::connection& connection, const SessionSettings& settings) {
  const auto row = [](std::string* out, const auto& setting) {
    absl::StrAppend(out, "('", setting.first, "', '", setting.second, "')");
  };
  // What is set for all of a server was not chosen for us.
  pqxx::nontransaction(connection)
      .exec(absl::StrCat(R"sql(
    SELECT set_config(name, value, false)
    FROM pg_settings JOIN (VALUES )sql",
                         absl::StrJoin(settings, ", ", row),
                         R"sql() AS wanted (name, value) USING (name)
    WHERE source NOT IN ('client', 'user', 'database', 'database user'))sql"));
}

}  // namespace

Connection::Connection(const std::string& dsn, SessionSettings settings)
    : pqxx::connection(WithTimeouts(dsn)) {
  // The last is for sessions in the middle of a statement, or waiting for a
  // lock: they do not look at their socket by themselves.
  settings.insert(settings.end(), {{"tcp_keepalives_idle", "10"},
                                   {"tcp_keepalives_interval", "5"},
                                   {"tcp_keepalives_count", "3"},
                                   {"tcp_user_timeout", "25s"},
                                   {"client_connection_check_interval", "5s"}});
  Set(*this, settings);
}

}  // namespace platform::pg
