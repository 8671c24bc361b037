#include "tests/support/postgres.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tests/support/eventually.h"

namespace test_support {
namespace {

// The server refuses to run as root.
constexpr char kUser[] = "postgres";

// The folder of initdb and postgres: the newest version of Debian's, or "" for
// PATH.
std::string BinDir() {
  std::string newest;
  std::error_code ignored;
  for (const auto& version :
       std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string bin = version.path().string() + "/bin/";
    if (std::filesystem::exists(bin + "initdb", ignored) && bin > newest) {
      newest = bin;
    }
  }
  return newest;
}

// `dsn` with another database, for both forms of a connection string.
std::string WithDatabase(const std::string& dsn, const std::string& database) {
  const size_t scheme = dsn.find("://");
  if (scheme == std::string::npos) {
    return absl::StrCat(dsn, " dbname=", database);  // the last one counts
  }
  const size_t query = std::min(dsn.find('?'), dsn.size());
  const size_t path = std::min(dsn.find('/', scheme + 3), query);
  return absl::StrCat(dsn.substr(0, path), "/", database, dsn.substr(query));
}

std::string Query(const std::string& dsn, const std::string& sql) {
  try {
    pqxx::connection connection(dsn);
    pqxx::nontransaction tx(connection);
    tx.exec("SET client_min_messages = warning");
    const pqxx::result result = tx.exec(sql);
    if (result.empty() || result[0][0].is_null()) return "";
    return result[0][0].as<std::string>();
  } catch (const std::exception& e) {
    Die(absl::StrCat(sql, "\n", e.what()));
  }
}

bool Answers(const std::string& dsn) {
  try {
    const pqxx::connection connection(dsn);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void EndConnections(const std::string& admin_dsn, const std::string& database) {
  Query(admin_dsn, absl::StrCat("SELECT count(pg_terminate_backend(pid, 5000)) "
                                "FROM pg_stat_activity WHERE datname = '",
                                database, "' AND pid <> pg_backend_pid()"));
}

std::string AdminDsn() {
  if (const char* url = getenv("TEST_PG_URL")) return url;
  static PostgresServer server;
  return server.dsn();
}

std::string UniqueName() {
  static std::atomic<int> count = 0;
  absl::BitGen random;
  return absl::StrCat("test_", getpid(), "_", ++count, "_",
                      absl::Hex(absl::Uniform<uint32_t>(random)));
}

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> settings)
    : settings_(std::move(settings)) {
  dir_.GiveTo(kUser);
  const Finished made = RunProgram(
      {.command = {BinDir() + "initdb", "-D", dir_.path() + "/data", "-U",
                   kUser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                   "--no-sync", "--no-instructions"},
       .user = kUser},
      absl::Minutes(1));
  if (made.exit_code != 0) Die("initdb failed:\n" + made.output);
  Start();
}

PostgresServer::~PostgresServer() { Crash(); }

std::string PostgresServer::dsn(const std::string& database) const {
  return absl::StrCat("host=", dir_.path(), " port=", port_, " user=", kUser,
                      " dbname=", database);
}

void PostgresServer::Start() {
  std::vector<std::string> command = {
      BinDir() + "postgres",
      "-D",
      dir_.path() + "/data",
      "-k",
      dir_.path(),
      "-p",
      absl::StrCat(port_),
      "-c",
      "listen_addresses=",
      // What tests write need not outlive the machine.
      "-c",
      "fsync=off",
      "-c",
      "full_page_writes=off",
      "-c",
      "shared_buffers=64MB",
  };
  for (const std::string& setting : settings_) {
    command.insert(command.end(), {"-c", setting});
  }
  server_ = std::make_unique<Process>(ProcessOptions{
      .command = command,
      .output = dir_.path() + "/log",
      .user = kUser,
      .signal_at_death = SIGQUIT,  // gives its shared memory back, unlike KILL
  });
  if (!Eventually(absl::Minutes(1),
                  [&] { return !server_->running() || Answers(dsn()); }) ||
      !server_->running()) {
    Die("Postgres did not start:\n" + ReadFile(dir_.path() + "/log"));
  }
}

void PostgresServer::Stop() {
  server_->Signal(SIGINT);
  if (!server_->Wait(absl::Minutes(1)).has_value()) {
    Die("Postgres did not stop:\n" + ReadFile(dir_.path() + "/log"));
  }
}

void PostgresServer::Crash() {
  server_->Signal(SIGQUIT);
  if (!server_->Wait(absl::Minutes(1)).has_value()) server_->Kill();
}

void PostgresServer::Restart() {
  Stop();
  Start();
}

void PostgresServer::KillBackends(const std::string& database) const {
  EndConnections(dsn(), database);
}

TestDatabase::TestDatabase(absl::Span<const platform::pg::Migration> migrations)
    : TestDatabase(AdminDsn(), migrations) {}

TestDatabase::TestDatabase(PostgresServer& server,
                           absl::Span<const platform::pg::Migration> migrations)
    : TestDatabase(server.dsn(), migrations) {}

TestDatabase::TestDatabase(std::string admin_dsn,
                           absl::Span<const platform::pg::Migration> migrations)
    : admin_dsn_(std::move(admin_dsn)),
      name_(UniqueName()),
      dsn_(WithDatabase(admin_dsn_, name_)) {
  // template0: nobody can be connected to it, which would be an error.
  Query(admin_dsn_, absl::StrCat("CREATE DATABASE ", name_,
                                 " TEMPLATE template0 ENCODING 'UTF8'"));
  if (migrations.empty()) return;
  if (const absl::Status migrated = platform::pg::Migrate(dsn_, migrations);
      !migrated.ok()) {
    Die(migrated.ToString());
  }
}

TestDatabase::~TestDatabase() {
  Query(admin_dsn_,
        absl::StrCat("DROP DATABASE IF EXISTS ", name_, " WITH (FORCE)"));
}

void TestDatabase::Exec(const std::string& sql) const { Query(dsn_, sql); }

std::string TestDatabase::Value(const std::string& sql) const {
  return Query(dsn_, sql);
}

void TestDatabase::KillBackends() const { EndConnections(admin_dsn_, name_); }

}  // namespace test_support
