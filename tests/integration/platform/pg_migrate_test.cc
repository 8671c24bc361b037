#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "platform/pg/migrate.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace platform::pg {
namespace {

using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::HasSubstr;

constexpr Migration kTable = {1, "create_t", "CREATE TABLE t (n int)"};
// Not repeatable without harm.
constexpr Migration kRow = {2, "insert", "INSERT INTO t VALUES (5)"};
constexpr Migration kBroken = {3, "oops",
                               "INSERT INTO t VALUES (6); SELECT 1/0"};

class PgMigrateTest : public ::testing::Test {
 protected:
  absl::Status MigrateWith(std::vector<Migration> migrations) {
    return Migrate(db_.dsn(), migrations);
  }
  std::string Rows() { return db_.Value("SELECT count(*) FROM t"); }

  test_support::TestDatabase db_;
  Pool pool_{{.dsn = db_.dsn(), .connections = 1, .prepare = nullptr}};
};

TEST_F(PgMigrateTest, RunsEachOnce) {
  EXPECT_THAT(MigrateWith({kTable, kRow}), IsOk());
  EXPECT_THAT(MigrateWith({kTable, kRow}), IsOk());

  EXPECT_EQ(Rows(), "1");
  EXPECT_EQ(db_.Value("SELECT string_agg(version || ' ' || name, ', ') "
                      "FROM schema_migrations"),
            "1 create_t, 2 insert");
}

TEST_F(PgMigrateTest, ContinuesWhereItWas) {
  EXPECT_THAT(MigrateWith({kTable}), IsOk());
  EXPECT_THAT(MigrateWith({kTable, kRow}), IsOk());

  EXPECT_EQ(Rows(), "1");
}

TEST_F(PgMigrateTest, RefusesOneThatWasEdited) {
  ASSERT_THAT(MigrateWith({kTable}), IsOk());
  constexpr Migration kEdited = {1, "create_t", "CREATE TABLE t (n bigint)"};

  const absl::Status status = MigrateWith({kEdited, kRow});

  EXPECT_THAT(status, Fails(absl::StatusCode::kFailedPrecondition,
                            "MIGRATION_CHANGED"));
  EXPECT_THAT(status.message(), HasSubstr("V1__create_t"));
  EXPECT_EQ(Rows(), "0");
}

TEST_F(PgMigrateTest, OneThatFailsLeavesNothingAndIsNamed) {
  const absl::Status status = MigrateWith({kTable, kRow, kBroken});

  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("V3__oops"));
  EXPECT_THAT(status.message(), HasSubstr("division by zero"));
  EXPECT_EQ(Rows(), "1");

  constexpr Migration kRepaired = {3, "oops", "INSERT INTO t VALUES (6)"};
  EXPECT_THAT(MigrateWith({kTable, kRow, kRepaired}), IsOk());
  EXPECT_EQ(Rows(), "2");
}

// What is done and the note that it is done are one transaction.
TEST_F(PgMigrateTest, OneThatCannotBeNotedIsNotDone) {
  constexpr Migration kUnnotable = {
      2, "unnotable",
      "ALTER TABLE schema_migrations ADD CHECK (version < 2); "
      "INSERT INTO t VALUES (5)"};

  EXPECT_FALSE(MigrateWith({kTable, kUnnotable}).ok());

  EXPECT_EQ(Rows(), "0");
  EXPECT_THAT(MigrateWith({kTable, kRow}), IsOk());
}

TEST_F(PgMigrateTest, ManyAtOnceDoItOnce) {
  constexpr Migration kSlow = {
      2, "slow", "SELECT pg_sleep(0.2); INSERT INTO t VALUES (5)"};
  std::vector<std::thread> processes;
  for (int i = 0; i < 8; ++i) {
    processes.emplace_back([&] {
      EXPECT_THAT(MigrateWith({kTable, kSlow}), IsOk());
    });
  }
  for (std::thread& process : processes) process.join();

  EXPECT_EQ(Rows(), "1");
}

// An old program meets the database of a newer one during a rolling update.
TEST_F(PgMigrateTest, MigrationsFromTheFutureAreFine) {
  ASSERT_THAT(MigrateWith({kTable, kRow}), IsOk());

  EXPECT_THAT(MigrateWith({kTable}), IsOk());
  EXPECT_THAT(WaitForSchema(pool_, std::vector{kTable}, [] { return false; }),
              IsOk());
}

TEST_F(PgMigrateTest, AMigrationFromTheFutureStandsInForNoOther) {
  constexpr Migration kFuture = {9, "future", "SELECT 1"};
  ASSERT_THAT(MigrateWith({kTable, kFuture}), IsOk());
  int asked = 0;

  EXPECT_THAT(WaitForSchema(pool_, std::vector{kTable, kRow},
                            [&] { return ++asked > 2; }),
              Fails(absl::StatusCode::kCancelled));
}

TEST_F(PgMigrateTest, WaitsUntilTheSchemaIsThere) {
  std::atomic<bool> there = false;
  std::thread service([&] {
    EXPECT_THAT(
        WaitForSchema(pool_, std::vector{kTable, kRow}, [] { return false; }),
        IsOk());
    there = true;
  });

  EXPECT_FALSE(
      Eventually(absl::Milliseconds(300), [&] { return there.load(); }));
  ASSERT_THAT(MigrateWith({kTable}), IsOk());
  EXPECT_FALSE(
      Eventually(absl::Milliseconds(500), [&] { return there.load(); }));
  ASSERT_THAT(MigrateWith({kTable, kRow}), IsOk());
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return there.load(); }));

  service.join();
}

TEST_F(PgMigrateTest, StopsWaitingWhenTold) {
  std::atomic<bool> shutdown = false;
  absl::Status status;
  std::thread service([&] {
    status = WaitForSchema(pool_, std::vector{kTable},
                           [&] { return shutdown.load(); });
  });

  shutdown = true;
  service.join();

  EXPECT_THAT(status, Fails(absl::StatusCode::kCancelled));
}

// The role may do what it is granted, and what it was granted before, or has as
// one of the public, no more.
TEST_F(PgMigrateTest, TheRuntimeRoleMayDoWhatItIsGrantedAndNothingElse) {
  const std::string role = db_.name() + " \"runtime\"";
  const std::string quoted = "\"" + db_.name() + " \"\"runtime\"\"\"";
  db_.Exec("CREATE ROLE " + quoted);
  constexpr Migration kMore = {
      3, "more",
      "CREATE TABLE u (n int);"
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"};
  const std::vector migrations = {kTable, kRow, kMore};
  const auto may = [&](const std::string& sql) {
    try {
      pqxx::connection connection(db_.dsn());
      pqxx::work tx(connection);
      tx.exec("SET SESSION AUTHORIZATION " + quoted);
      tx.exec(sql);
      return true;
    } catch (const pqxx::insufficient_privilege&) {
      return false;
    }
  };
  ASSERT_THAT(Migrate(db_.dsn(), migrations,
                      {role, R"(GRANT SELECT, DELETE ON t TO :"runtime_role";
                                GRANT EXECUTE ON FUNCTION f
                                TO :"runtime_role")"}),
              IsOk());
  EXPECT_TRUE(may("DELETE FROM t WHERE n = 6"));
  EXPECT_TRUE(may("SELECT f()"));
  ASSERT_THAT(
      Migrate(db_.dsn(), migrations,
              {role, R"(GRANT SELECT, INSERT ON t TO :"runtime_role")"}),
      IsOk());

  EXPECT_TRUE(may("SELECT FROM t"));
  EXPECT_TRUE(may("INSERT INTO t VALUES (7)"));
  EXPECT_TRUE(may("SELECT FROM schema_migrations"));
  for (const char* sql :
       {"DELETE FROM t", "UPDATE t SET n = 1", "TRUNCATE t", "SELECT FROM u",
        "SELECT f()", "CREATE TABLE v (n int)", "CREATE TEMP TABLE v (n int)",
        "CREATE SCHEMA v", "INSERT INTO schema_migrations VALUES (9, '', '')",
        "ALTER TABLE t ADD m int", "DROP TABLE t"}) {
    EXPECT_FALSE(may(sql)) << sql;
  }

  db_.Exec("DROP OWNED BY " + quoted + "; DROP ROLE " + quoted);
}

// Whoever migrates must not queue before a table for long: everybody would
// queue behind it.
TEST_F(PgMigrateTest, AMigrationDoesNotWaitForEverForATable) {
  ASSERT_THAT(MigrateWith({kTable}), IsOk());
  pqxx::connection reader(db_.dsn());
  pqxx::work tx(reader);
  tx.exec("SELECT FROM t");
  constexpr Migration kAlter = {2, "alter", "ALTER TABLE t ADD m int"};

  EXPECT_THAT(MigrateWith({kTable, kAlter}),
              Fails(absl::StatusCode::kResourceExhausted));
  tx.commit();
  EXPECT_THAT(MigrateWith({kTable, kAlter}), IsOk());
}

TEST(PgMigrateOutageTest, WaitsForTheServerToo) {
  test_support::PostgresServer server;
  const test_support::TestDatabase db(server, std::vector{kTable});
  Pool pool({.dsn = db.dsn(), .connections = 1, .prepare = nullptr});
  server.Stop();
  EXPECT_THAT(Migrate(db.dsn(), std::vector{kTable}),
              Fails(absl::StatusCode::kUnavailable));
  std::atomic<bool> there = false;
  std::thread service([&] {
    EXPECT_THAT(WaitForSchema(pool, std::vector{kTable}, [] { return false; }),
                IsOk());
    there = true;
  });

  EXPECT_FALSE(
      Eventually(absl::Milliseconds(300), [&] { return there.load(); }));
  server.Start();
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return there.load(); }));

  service.join();
}

}  // namespace
}  // namespace platform::pg
