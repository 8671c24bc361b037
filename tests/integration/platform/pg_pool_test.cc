#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "platform/metrics/metrics.h"
#include "platform/pg/connection.h"
#include "platform/pg/pool.h"
#include "tests/support/eventually.h"
#include "tests/support/notification.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace platform::pg {
namespace {

using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kOverloaded = absl::StatusCode::kResourceExhausted;
constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

// The value of the metric that `line` begins with, e.g. `pg_pool_in_use{…}`.
double MetricOf(absl::string_view line) {
  const std::string text = metrics::Text();
  for (const absl::string_view l : absl::StrSplit(text, '\n')) {
    double value = 0;
    if (absl::StartsWith(l, line) &&
        absl::SimpleAtod(l.substr(l.rfind(' ') + 1), &value)) {
      return value;
    }
  }
  return -1;
}

class PgPoolTest : public ::testing::Test {
 protected:
  PgPoolTest() {
    db_.Exec("CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)");
    db_.Exec("INSERT INTO counters VALUES (1, 0), (2, 0)");
  }

  PoolOptions Options(int connections) {
    return {.name = "test",
            .dsn = db_.dsn(),
            .connections = connections,
            .acquire_timeout = absl::Milliseconds(100),
            .prepare =
                [this](pqxx::connection& c) {
                  ++connects_;
                  c.prepare("raise",
                            "UPDATE counters SET n = n + 1 WHERE id = $1");
                },
            .fill_every = absl::Hours(1)};
  }

  // Adds one to a counter.
  static absl::Status Raise(Pool& pool, int id) {
    return pool.InTransaction([&](pqxx::work& tx) {
      tx.exec_prepared("raise", id);
      return absl::OkStatus();
    });
  }

  // Runs one statement in a transaction.
  static absl::Status Run(Pool& pool, const std::string& sql) {
    return pool.InTransaction([&](pqxx::work& tx) {
      tx.exec(sql);
      return absl::OkStatus();
    });
  }

  std::string Counter(int id) {
    return db_.Value(absl::StrCat("SELECT n FROM counters WHERE id = ", id));
  }

  test_support::TestDatabase db_;
  std::atomic<int> connects_ = 0;
};

TEST_F(PgPoolTest, CommitsWhatIsOkAndNothingElse) {
  Pool pool(Options(1));

  EXPECT_THAT(Raise(pool, 1), IsOk());
  EXPECT_THAT(pool.InTransaction([](pqxx::work& tx) {
    tx.exec_prepared("raise", 2);
    return absl::NotFoundError("no");
  }),
              Fails(absl::StatusCode::kNotFound));

  EXPECT_EQ(Counter(1), "1");
  EXPECT_EQ(Counter(2), "0");
  EXPECT_EQ(connects_, 1);
}

TEST_F(PgPoolTest, TellsOfCommitsAndOfThoseInDoubt) {
  int told = 0;
  PoolOptions options = Options(1);
  options.after_commit = [&told] { ++told; };
  Pool pool(options);

  EXPECT_THAT(Raise(pool, 1), IsOk());
  EXPECT_EQ(told, 1);
  const absl::Status none = pool.InTransaction(
      [](pqxx::work& /*tx*/) { return absl::NotFoundError("no"); });
  EXPECT_THAT(none, Fails(absl::StatusCode::kNotFound));
  const absl::Status read = pool.Read([](pqxx::nontransaction& tx) {
    tx.exec("SELECT 1");
    return absl::OkStatus();
  });
  EXPECT_THAT(read, IsOk());
  EXPECT_EQ(told, 1);

  const absl::Status half = pool.Write([](pqxx::nontransaction& tx) {
    tx.exec_prepared("raise", 2);
    return absl::NotFoundError("what came after");
  });
  EXPECT_THAT(half, Fails(absl::StatusCode::kNotFound));
  EXPECT_EQ(Counter(2), "1");
  EXPECT_EQ(told, 2);
}

// A write that was lost may still come to be: nobody is told that nothing was
// done, whatever becomes of the second try.
TEST_F(PgPoolTest, AWriteThatWasLostStaysInDoubt) {
  for (const char* refused : {"55P03", "57014", "40001", "40P01"}) {
    Pool pool(Options(1));
    int bodies = 0;
    const auto body = [&](pqxx::nontransaction& tx) {
      if (++bodies == 1)
        tx.exec("SELECT pg_terminate_backend(pg_backend_pid())");
      tx.exec(
          absl::StrCat("DO $$ BEGIN RAISE SQLSTATE '", refused, "'; END $$"));
      return absl::OkStatus();
    };
    EXPECT_THAT(pool.Write(body), Fails(kUnavailable, "DATABASE_UNAVAILABLE"))
        << refused;
    EXPECT_EQ(bodies, 2);
    // This one was not lost.
    EXPECT_THAT(pool.Write(body), Not(Fails(kUnavailable))) << refused;
    bodies = 0;
    EXPECT_THAT(pool.Read(body), Not(Fails(kUnavailable))) << refused;
  }
}

TEST_F(PgPoolTest, ReadsWithoutATransaction) {
  Pool pool(Options(1));
  std::string first;
  std::string second;

  EXPECT_THAT(pool.Read([&](pqxx::nontransaction& tx) {
    // Inside a transaction now() stands still.
    first = tx.exec("SELECT now()")[0][0].as<std::string>();
    second = tx.exec("SELECT now()")[0][0].as<std::string>();
    return absl::OkStatus();
  }),
              IsOk());

  EXPECT_NE(first, second);
}

TEST_F(PgPoolTest, SaysWhatWentWrong) {
  Pool pool(Options(1));

  EXPECT_THAT(Run(pool, "SELECT 'abc'::uuid"),
              Fails(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Run(pool, "SELECT 3000000000::int"),
              Fails(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Run(pool, "INSERT INTO counters VALUES (1, 5)"),
              Fails(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(Run(pool, "SELECT * FROM nowhere"),
              Fails(absl::StatusCode::kInternal));
  EXPECT_THAT(Run(pool, "INSERT INTO counters VALUES (3, NULL)"),
              Fails(absl::StatusCode::kInternal));
  EXPECT_THAT(pool.InTransaction([](pqxx::work& tx) -> absl::Status {
    tx.exec_prepared("nothing of that name");
    return absl::OkStatus();
  }),
              Fails(absl::StatusCode::kInternal));

  EXPECT_THAT(Raise(pool, 1), IsOk());
  EXPECT_EQ(connects_, 1);
}

// A primary that was demoted still answers, and refuses to write: its
// connections lead to the wrong server.
TEST_F(PgPoolTest, AServerThatOnlyReadsIsAway) {
  const auto only_reads = [this](const char* value) {
    pqxx::connection connection(
        db_.dsn() + " options='-c default_transaction_read_only=off'");
    pqxx::nontransaction(connection)
        .exec(absl::StrCat("ALTER DATABASE ", db_.name(),
                           " SET default_transaction_read_only = ", value));
  };
  Pool pool(Options(1));

  only_reads("on");
  EXPECT_THAT(Raise(pool, 1), Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_EQ(connects_, 2);

  // The session that only reads is not used again.
  only_reads("off");
  EXPECT_THAT(Raise(pool, 1), IsOk());
  EXPECT_EQ(connects_, 3);
  EXPECT_EQ(Counter(1), "1");
}

TEST_F(PgPoolTest, AServerWithoutItsDiskOrRoomForNotificationsIsAway) {
  Pool pool(Options(1));

  for (const absl::string_view code : {"58030", "54000"}) {
    EXPECT_THAT(
        Run(pool, absl::StrCat("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '",
                               code, "'; END $$")),
        Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
  }
}

// Postgres quotes the whole row when a constraint fails.
TEST_F(PgPoolTest, SaysItWithoutTheRow) {
  Pool pool(Options(1));
  db_.Exec("CREATE TABLE t (a text, b text NOT NULL)");

  const absl::Status status =
      Run(pool, "INSERT INTO t VALUES ('from the customer', NULL)");

  EXPECT_THAT(status.ToString(), HasSubstr("23502"));
  EXPECT_THAT(status.ToString(), Not(HasSubstr("customer")));
}

TEST_F(PgPoolTest, SessionsHaveLimitsUnlessTheDsnSaysOtherwise) {
  PoolOptions options = Options(1);
  options.dsn += " options='-c statement_timeout=100ms'";
  Pool pool(options);
  std::string lock;
  std::string idle;

  EXPECT_THAT(Run(pool, "SELECT pg_sleep(10)"),
              Fails(kOverloaded, "OVERLOADED"));
  EXPECT_THAT(pool.Read([&](pqxx::nontransaction& tx) {
    lock = tx.exec("SHOW lock_timeout")[0][0].as<std::string>();
    idle = tx.exec("SHOW idle_in_transaction_session_timeout")[0][0]
               .as<std::string>();
    return absl::OkStatus();
  }),
              IsOk());

  EXPECT_EQ(lock, "2s");
  EXPECT_EQ(idle, "10s");
}

TEST_F(PgPoolTest, TheServerIsToNoticeClientsThatVanishUnlessToldOtherwise) {
  // By TCP, for otherwise they read as 0.
  const test_support::PostgresServer server({"listen_addresses=127.0.0.1"});
  const std::string dsn = absl::StrCat("host=127.0.0.1 port=", server.port(),
                                       " user=postgres dbname=postgres");
  const auto settings = [](const std::string& of) {
    Connection connection(of);
    return pqxx::nontransaction(connection)
        .exec1(
            "SELECT string_agg(setting || coalesce(unit, ''), ' ' ORDER BY "
            "name)"
            " FROM pg_settings WHERE name LIKE 'tcp_%'"
            " OR name = 'client_connection_check_interval'")[0]
        .as<std::string>();
  };

  EXPECT_EQ(settings(dsn), "5000ms 3 10s 5s 25000ms");
  EXPECT_EQ(settings(dsn + " options='-c tcp_keepalives_idle=60'"),
            "5000ms 3 60s 5s 25000ms");
  pqxx::connection admin(server.dsn());
  pqxx::nontransaction(admin).exec(
      "ALTER ROLE postgres SET tcp_keepalives_count = 7");
  EXPECT_EQ(settings(dsn), "5000ms 7 10s 5s 25000ms");
}

TEST_F(PgPoolTest, AClientThatIsGoneHoldsNoLockThoughItsStatementRuns) {
  Connection gone(db_.dsn());
  std::thread statement([&gone] {
    pqxx::nontransaction tx(gone);
    EXPECT_THROW(tx.exec("SELECT pg_advisory_lock(1), pg_sleep(60)"),
                 pqxx::broken_connection);
  });
  const auto locked = [&] {
    return db_.Value(
               "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
               "AND database = (SELECT oid FROM pg_database "
               "WHERE datname = current_database())") == "1";
  };
  EXPECT_TRUE(Eventually(absl::Seconds(20), locked));

  shutdown(gone.sock(), SHUT_RDWR);
  statement.join();

  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] { return !locked(); }));
}

TEST_F(PgPoolTest, ALockThatIsNotToBeHadIsOverload) {
  PoolOptions options = Options(2);
  options.dsn += " options='-c lock_timeout=100ms'";
  Pool pool(options);

  EXPECT_THAT(pool.InTransaction([&](pqxx::work& tx) {
    tx.exec_prepared("raise", 1);
    EXPECT_THAT(Raise(pool, 1), Fails(kOverloaded, "OVERLOADED"));
    return absl::OkStatus();
  }),
              IsOk());

  EXPECT_EQ(Counter(1), "1");
}

TEST_F(PgPoolTest, RefusesWhenEveryConnectionStaysInUse) {
  Pool pool(Options(1));

  EXPECT_THAT(pool.InTransaction([&](pqxx::work&) {
    EXPECT_EQ(MetricOf(R"(pg_pool_in_use{pool="test"})"), 1);
    EXPECT_THAT(Raise(pool, 1), Fails(kOverloaded, "OVERLOADED"));
    return absl::OkStatus();
  }),
              IsOk());

  EXPECT_EQ(MetricOf(R"(pg_pool_in_use{pool="test"})"), 0);
  EXPECT_THAT(Raise(pool, 1), IsOk());
}

// While others are at work with the database, who cannot connect waits for one
// of theirs, and is not told that it is away.
TEST_F(PgPoolTest, WhileOneIsInUseItIsWaitedFor) {
  PoolOptions options = Options(2);
  std::atomic<bool> room = true;
  options.prepare = [&, prepare = options.prepare](pqxx::connection& c) {
    if (!room) throw pqxx::broken_connection("no room");
    prepare(c);
  };
  Pool pool(options);
  ASSERT_THAT(pool.Ping(), IsOk());
  room = false;
  // After 200 ms it would try to connect once more: not on a slow machine.
  for (int i = 0; i < 20; ++i) {
    absl::Time failed;
    absl::Status told;
    std::thread waiter;
    EXPECT_THAT(pool.Read([&](pqxx::nontransaction& /*tx*/) {
      EXPECT_THAT(pool.Ping(), Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
      failed = absl::Now();
      waiter = std::thread([&] { told = pool.Ping(); });
      absl::SleepFor(absl::Milliseconds(20));
      return absl::OkStatus();
    }),
                IsOk());
    waiter.join();
    if (absl::Now() - failed < absl::Milliseconds(150)) {
      EXPECT_THAT(told, IsOk());
      return;
    }
    absl::SleepFor(absl::Milliseconds(200));
  }
  ADD_FAILURE() << "this machine is too slow";
}

TEST_F(PgPoolTest, WaitsForAConnection) {
  PoolOptions options = Options(1);
  options.acquire_timeout = absl::Seconds(30);
  Pool pool(options);
  std::thread waiting;

  EXPECT_THAT(pool.InTransaction([&](pqxx::work&) {
    test_support::Notification started;
    waiting = std::thread([&] {
      started.Notify();
      EXPECT_THAT(Raise(pool, 1), IsOk());
    });
    started.WaitForNotification();
    return absl::OkStatus();
  }),
              IsOk());
  waiting.join();

  EXPECT_EQ(Counter(1), "1");
  EXPECT_EQ(connects_, 1);
}

TEST_F(PgPoolTest, ADeadlockIsTriedAgain) {
  Pool pool(Options(2));
  std::atomic<int> bodies = 0;
  std::atomic<int> inside = 0;
  const auto cross = [&](int first, int second) {
    EXPECT_THAT(pool.InTransaction([&](pqxx::work& tx) {
      ++bodies;
      tx.exec_prepared("raise", first);
      ++inside;
      Eventually(absl::Seconds(10), [&] { return inside >= 2; });
      tx.exec_prepared("raise", second);
      return absl::OkStatus();
    }),
                IsOk());
  };

  std::thread one([&] { cross(1, 2); });
  std::thread two([&] { cross(2, 1); });
  one.join();
  two.join();

  // One of them twice; on a busy machine its second try may meet the other's
  // first once more.
  EXPECT_GE(bodies, 3);
  EXPECT_EQ(Counter(1), "2");
  EXPECT_EQ(Counter(2), "2");
}

TEST_F(PgPoolTest, ASerializationFailureIsTriedThreeTimes) {
  Pool pool(Options(1));
  for (const absl::string_view code : {"40001", "40P01"}) {
    int bodies = 0;

    const absl::Status status = pool.InTransaction([&](pqxx::work& tx) {
      ++bodies;
      tx.exec_prepared("raise", 1);
      tx.exec(absl::StrCat("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '",
                           code, "'; END $$"));
      return absl::OkStatus();
    });

    EXPECT_THAT(status, Fails(absl::StatusCode::kAborted, "ABORTED"));
    EXPECT_TRUE(RetryAfterOf(status).has_value());
    EXPECT_EQ(bodies, 3);
    EXPECT_EQ(Counter(1), "0");
  }
}

// Deferred constraints fail in COMMIT: nothing is in doubt then.
TEST_F(PgPoolTest, AFailureThatCommitReportsIsThatFailure) {
  db_.Exec("CREATE TABLE t (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
  Pool pool(Options(1));

  EXPECT_THAT(pool.InTransaction([](pqxx::work& tx) {
    tx.exec("INSERT INTO t VALUES (1), (1)");
    return absl::OkStatus();
  }),
              Fails(absl::StatusCode::kAlreadyExists));

  EXPECT_EQ(db_.Value("SELECT count(*) FROM t"), "0");
}

TEST_F(PgPoolTest, AConnectionThatWasKilledIsReplaced) {
  Pool pool(Options(1));
  ASSERT_THAT(Raise(pool, 1), IsOk());

  db_.KillBackends();
  EXPECT_THAT(Raise(pool, 1), IsOk());
  db_.KillBackends();
  EXPECT_THAT(pool.Ping(), IsOk());

  EXPECT_EQ(Counter(1), "2");
  EXPECT_EQ(connects_, 3);
}

TEST_F(PgPoolTest, OnceThereIsOneConnectionAllAreMade) {
  PoolOptions options = Options(4);
  options.fill_every = absl::Milliseconds(10);
  Pool pool(options);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(connects_, 0);

  ASSERT_THAT(pool.Ping(), IsOk());
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return connects_ == 4; }));
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(connects_, 4);

  db_.KillBackends();
  ASSERT_THAT(pool.Ping(), IsOk());
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return connects_ == 8; }));
}

TEST_F(PgPoolTest, AConnectionKilledInTheMiddleRunsTheBodyAgain) {
  Pool pool(Options(1));
  int bodies = 0;

  EXPECT_THAT(pool.InTransaction([&](pqxx::work& tx) {
    tx.exec_prepared("raise", 1);
    if (++bodies == 1) {
      db_.KillBackends();
    }
    tx.exec_prepared("raise", 1);
    return absl::OkStatus();
  }),
              IsOk());

  EXPECT_EQ(bodies, 2);
  EXPECT_EQ(Counter(1), "2");
}

TEST_F(PgPoolTest, AConnectionIsReplacedOnceAndNotForEver) {
  Pool pool(Options(1));
  int bodies = 0;

  EXPECT_THAT(pool.InTransaction([&](pqxx::work& tx) {
    ++bodies;
    tx.exec("SELECT pg_terminate_backend(pg_backend_pid())");
    return absl::OkStatus();
  }),
              Fails(kUnavailable, "DATABASE_UNAVAILABLE"));

  EXPECT_EQ(bodies, 2);
}

// Whether it was done nobody can know: only the caller, who has a key, may try
// again.
TEST_F(PgPoolTest, ACommitInDoubtIsNotRepeated) {
  db_.Exec(R"sql(
      CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
          PERFORM pg_terminate_backend(pg_backend_pid());
          PERFORM pg_sleep(10);
          RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON counters
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die())sql");
  Pool pool(Options(1));
  int bodies = 0;

  EXPECT_THAT(pool.InTransaction([&](pqxx::work& tx) {
    ++bodies;
    tx.exec_prepared("raise", 1);
    return absl::OkStatus();
  }),
              Fails(kUnavailable, "DATABASE_UNAVAILABLE"));

  EXPECT_EQ(bodies, 1);
  EXPECT_THAT(pool.Ping(), IsOk());
}

TEST_F(PgPoolTest, ABodyThatSleepsLosesItsTransaction) {
  PoolOptions options = Options(1);
  options.dsn += " options='-c idle_in_transaction_session_timeout=50ms'";
  Pool pool(options);

  EXPECT_THAT(pool.InTransaction([](pqxx::work& tx) {
    tx.exec_prepared("raise", 1);
    absl::SleepFor(absl::Milliseconds(300));
    tx.exec_prepared("raise", 1);
    return absl::OkStatus();
  }),
              Fails(kUnavailable, "DATABASE_UNAVAILABLE"));

  EXPECT_THAT(Raise(pool, 1), IsOk());
  EXPECT_EQ(Counter(1), "1");
}

class PgPoolOutageTest : public ::testing::Test {
 protected:
  PoolOptions Options(int connections, std::string name) {
    return {.name = std::move(name),
            .dsn = db_.dsn(),
            .connections = connections,
            .prepare = [this](pqxx::connection&) { ++connects_; },
            .fill_every = absl::Hours(1)};
  }

  // Opens `connections` connections at the same time.
  static void Warm(Pool& pool, int connections) {
    std::atomic<int> inside = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < connections; ++i) {
      threads.emplace_back([&] {
        EXPECT_THAT(pool.InTransaction([&](pqxx::work&) {
          ++inside;
          EXPECT_TRUE(Eventually(absl::Seconds(10),
                                 [&] { return inside == connections; }));
          return absl::OkStatus();
        }),
                    IsOk());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  test_support::PostgresServer server_{{"max_connections=20"}};
  test_support::TestDatabase db_{server_};
  std::atomic<int> connects_ = 0;
};

TEST_F(PgPoolOutageTest, ARestartedServerIsNotNoticed) {
  Pool pool(Options(4, "restart"));
  Warm(pool, 4);

  server_.Restart();
  for (int i = 0; i < 8; ++i) EXPECT_THAT(pool.Ping(), IsOk());
  server_.Crash();
  server_.Start();
  EXPECT_THAT(pool.InTransaction([](pqxx::work& tx) {
    tx.exec("CREATE TABLE after_the_crash ()");
    return absl::OkStatus();
  }),
              IsOk());

  // The first that was found broken took the other idle ones with it.
  EXPECT_EQ(connects_, 4 + 1 + 1);
}

TEST_F(PgPoolOutageTest, AnAbsentServerIsSaidAtOnceAndFoundAgain) {
  Pool pool(Options(4, "absent"));
  server_.Stop();

  const absl::Status away = pool.Ping();
  EXPECT_THAT(away, Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_TRUE(RetryAfterOf(away).has_value());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_THAT(pool.Ping(), Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
  }
  // 1000 calls are not 1000 connects. (They take a few milliseconds.)
  EXPECT_LE(MetricOf(R"(pg_connect_failures_total{pool="absent"})"), 20);

  server_.Start();
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return pool.Ping().ok(); }));
}

TEST_F(PgPoolOutageTest, AServerWithoutRoomIsUnavailable) {
  Pool pool(Options(30, "room"));
  std::vector<std::unique_ptr<pqxx::connection>> others;
  for (int i = 0; i < 20; ++i) {
    try {
      others.push_back(std::make_unique<pqxx::connection>(db_.dsn()));
    } catch (const pqxx::broken_connection&) {
      break;
    }
  }

  EXPECT_THAT(pool.Ping(), Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
  others.clear();

  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return pool.Ping().ok(); }));
}

// A server that takes connections and says nothing: connects time out.
TEST(PgPoolSilentTest, WhoWaitsForAConnectIsToldToo) {
  const int silent = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(silent, 64), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size),
            0);
  Pool pool(
      {.name = "silent",
       .dsn = absl::StrCat("host=127.0.0.1 port=", ntohs(address.sin_port)),
       .connections = 1,
       .acquire_timeout = absl::Minutes(1),
       .prepare = nullptr});

  const absl::Time start = absl::Now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      EXPECT_THAT(pool.Ping(), Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  close(silent);
}

TEST(PgPoolSecretTest, TheConnectionStringStaysInside) {
  Pool pool({.name = "secret",
             .dsn = "host=127.0.0.1 port=1 user=me password=hunter2",
             .prepare = nullptr});
  const absl::Status status = pool.Ping();

  EXPECT_THAT(status, Fails(kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_THAT(absl::StrCat(status.ToString(), CauseOf(status)),
              Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace platform::pg
