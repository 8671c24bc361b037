// Connections to Postgres.
#pragma once

#include <string>
#include <utility>
#include <vector>

// libpqxx 6 warns about itself under our flags; its header is included as a
// system header.
#include <pqxx/pqxx>

namespace platform::pg {

// Settings of a session, by name. Neither part may need quoting.
using SessionSettings = std::vector<std::pair<std::string, std::string>>;

// A connection whose ends both notice when the other has vanished: we a server
// (see WithTimeouts()), within 10 s; the server us, within half a minute, so
// that the locks that we held are free again, and our place among its
// connections. Behind a sidecar, which answers in the other's place, the
// sidecar decides. Not thread-safe.
class Connection final : public pqxx::connection {
 public:
  // Connects. Throws what libpqxx throws. `settings`, and those by which the
  // server notices, hold unless the connection string, the role or the database
  // has others.
  explicit Connection(const std::string& dsn, SessionSettings settings = {});
};

}  // namespace platform::pg
