// Real Postgres for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"

#include "platform/pg/migrate.h"
#include "tests/support/process.h"

namespace test_support {

// A Postgres server of the test's own, for tests that stop or kill it. It is
// reached through a Unix socket, so it needs no port. Not thread-safe.
class PostgresServer {
 public:
  // Makes and starts a cluster, in about a second. `settings` are lines of
  // postgresql.conf, e.g. "max_connections=20".
  explicit PostgresServer(std::vector<std::string> settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  std::string dsn(const std::string& database = "postgres") const;
  // It listens there if a setting of `listen_addresses` says so.
  int port() const { return port_; }

  void Start();
  // Ends open connections and stops in good order.
  void Stop();
  // Stops as in a crash: no goodbye; the next start recovers from the log.
  void Crash();
  void Restart();
  // Ends every connection to `database`, as an operator or a failover does.
  void KillBackends(const std::string& database) const;

 private:
  TempDir dir_;
  std::vector<std::string> settings_;
  const int port_ = FreePort();
  std::unique_ptr<Process> server_;
};

// A database of the test's own, with `migrations` in it, gone at the end.
//
// It lives on the server that the environment variable TEST_PG_URL names (a
// connection string whose user may create databases), else on one private
// server that the test process starts when first needed.
class TestDatabase {
 public:
  explicit TestDatabase(
      absl::Span<const platform::pg::Migration> migrations = {});
  // On `server`, which must outlive it.
  explicit TestDatabase(
      PostgresServer& server,
      absl::Span<const platform::pg::Migration> migrations = {});
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& dsn() const { return dsn_; }
  const std::string& name() const { return name_; }

  // Runs SQL on a connection of its own. Thread-safe. An error ends the test
  // program.
  void Exec(const std::string& sql) const;
  // As Exec(), and returns the first value of the first row as text; "" if
  // there is no row or it is null.
  std::string Value(const std::string& sql) const;

  // Ends every connection to it.
  void KillBackends() const;

 private:
  TestDatabase(std::string admin_dsn,
               absl::Span<const platform::pg::Migration> migrations);

  std::string admin_dsn_;
  std::string name_;
  std::string dsn_;
};

}  // namespace test_support
