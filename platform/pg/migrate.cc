#include "platform/pg/migrate.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"

#include "platform/log/log.h"
#include "platform/pg/array.h"
#include "platform/pg/connection.h"
#include "platform/status/error.h"

namespace platform::pg {
namespace {

// Only one process migrates a database at a time. A migration may take long,
// but not queue before a table for long: everybody would queue behind it.
constexpr char kMigrationSession[] = R"sql(
    SET client_min_messages = warning;
    SET statement_timeout = 0;
    SET lock_timeout = 0;
    SELECT pg_advisory_lock(7021);
    SET lock_timeout = '10s')sql";

constexpr char kCreateTable[] = R"sql(
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version    int         PRIMARY KEY,
        name       text        NOT NULL,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    ))sql";

// :"name" as psql would replace it. CONNECT and TEMPORARY are PUBLIC's unless
// taken away, as is EXECUTE of every function.
constexpr char kTakeAway[] = R"sql(
    REVOKE ALL ON DATABASE :"database" FROM PUBLIC, :"runtime_role";
    REVOKE ALL ON SCHEMA :"schema" FROM PUBLIC, :"runtime_role";
    REVOKE ALL ON ALL TABLES IN SCHEMA :"schema" FROM PUBLIC, :"runtime_role";
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA :"schema" FROM PUBLIC, :"runtime_role";
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA :"schema" FROM PUBLIC, :"runtime_role";
    GRANT CONNECT ON DATABASE :"database" TO :"runtime_role";
    GRANT USAGE ON SCHEMA :"schema" TO :"runtime_role";
    GRANT SELECT ON schema_migrations TO :"runtime_role";
    )sql";

// FNV-1a: notices an edit, is no protection against one.
std::string Checksum(absl::string_view sql) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : sql) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad16));
}

std::string Name(const Migration& migration) {
  return absl::StrCat("Migration V", migration.version, "__", migration.name);
}

// Runs `migration` unless it has run.
absl::Status Apply(pqxx::connection& connection,
                   const Migration& migration) try {
  const std::string checksum = Checksum(migration.sql);
  pqxx::work tx(connection);
  const pqxx::result known = tx.exec_params(
      "SELECT checksum FROM schema_migrations WHERE version = $1",
      migration.version);
  if (!known.empty()) {
    if (known[0][0].as<std::string>() == checksum) return absl::OkStatus();
    return Error(absl::StatusCode::kFailedPrecondition, "MIGRATION_CHANGED",
                 absl::StrCat(Name(migration),
                              " has run here and reads differently now."),
                 {{"version", absl::StrCat(migration.version)}});
  }
  tx.exec(std::string(migration.sql));
  tx.exec_params(
      "INSERT INTO schema_migrations (version, name, checksum) "
      "VALUES ($1, $2, $3)",
      migration.version, std::string(migration.name), checksum);
  tx.commit();
  log::Info("migrated",
            {{"version", migration.version}, {"name", migration.name}});
  return absl::OkStatus();
} catch (...) {
  const absl::Status failed = StatusOfCurrentException();
  return {failed.code(), absl::StrCat(Name(migration), ": ", failed.message())};
}

void Grant(pqxx::connection& connection, const RuntimeGrants& grants) {
  pqxx::work tx(connection);
  const pqxx::row where =
      tx.exec1("SELECT current_database(), current_schema()");
  const auto name = [&](const char* text) { return tx.quote_name(text); };
  tx.exec(
      absl::StrReplaceAll(absl::StrCat(kTakeAway, grants.sql),
                          {{":\"database\"", name(where[0].c_str())},
                           {":\"schema\"", name(where[1].c_str())},
                           {":\"runtime_role\"", name(grants.role.c_str())}}));
  tx.commit();
}

}  // namespace

absl::Status Migrate(const std::string& dsn,
                     absl::Span<const Migration> migrations,
                     const RuntimeGrants& grants) {
  try {
    Connection connection(dsn);
    {
      pqxx::nontransaction session(connection);
      // The lock is held until the session ends.
      session.exec(kMigrationSession);
      session.exec(kCreateTable);
    }
    for (const Migration& migration : migrations) {
      if (absl::Status applied = Apply(connection, migration); !applied.ok()) {
        return applied;
      }
    }
    if (!grants.role.empty()) Grant(connection, grants);
    return absl::OkStatus();
  } catch (...) {
    return StatusOfCurrentException();
  }
}

absl::Status WaitForSchema(Pool& pool, absl::Span<const Migration> migrations,
                           const std::function<bool()>& cancelled) {
  constexpr absl::Duration kPoll = absl::Milliseconds(200);
  constexpr absl::Duration kSayAgain = absl::Seconds(5);
  Array versions;
  for (const Migration& migration : migrations) {
    versions.Add(migration.version);
  }
  absl::Time say = absl::InfinitePast();
  while (!cancelled()) {
    int missing = 0;
    const absl::Status asked = pool.Read([&](pqxx::nontransaction& tx) {
      const pqxx::result table =
          tx.exec("SELECT to_regclass('schema_migrations') IS NOT NULL");
      if (!table[0][0].as<bool>()) {
        missing = static_cast<int>(migrations.size());
        return absl::OkStatus();
      }
      const pqxx::result done = tx.exec_params(
          "SELECT count(*) FROM schema_migrations "
          "WHERE version = ANY ($1::int[])",
          versions.text());
      missing = static_cast<int>(migrations.size()) - done[0][0].as<int>();
      return absl::OkStatus();
    });
    if (asked.ok() && missing <= 0) return absl::OkStatus();
    if (absl::Now() >= say) {
      log::Warning("waiting for the database",
                   {{"cause", asked.ok() ? absl::string_view("schema is behind")
                                         : asked.message()},
                    {"detail", CauseOf(asked)},
                    {"missing_migrations", missing}});
      say = absl::Now() + kSayAgain;
    }
    absl::SleepFor(kPoll);
  }
  return absl::CancelledError("Shut down while waiting for the database.");
}

}  // namespace platform::pg
