// Connections to Postgres.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

// libpqxx 6 warns about itself under our flags; its header is included as a
// system header.
#include <pqxx/pqxx>

namespace platform::pg {

// A connection whose ends both notice when the other has vanished: a server,
// within 10 s (see WithTimeouts()); a client, within 25 s, so that the locks it
// held are free again, and its place among the connections; unless the
// connection string, the role or the server says otherwise. Behind a sidecar,
// which answers in the other's place, the sidecar decides. Not thread-safe.
class Connection final : public pqxx::connection {
 public:
  // Connects. Throws what libpqxx throws.
  explicit Connection(const std::string& dsn);
};

// Sets what neither the connection string, the role nor the server has set, for
// as long as the session lasts. Names and values must need no quoting. Throws
// what libpqxx throws.
void SetDefaults(
    pqxx::connection& connection,
    std::initializer_list<std::pair<const char*, const char*>> settings);

}  // namespace platform::pg
