// The tests' own surroundings: what other tests rest on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "platform/events/jetstream.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"

namespace test_support {
namespace {

using ::testing::HasSubstr;

TEST(ProcessTest, ReportsExitCodeAndOutput) {
  const Finished finished =
      RunProgram({.command = {"sh", "-c", "echo $WORD; echo err >&2; exit 7"},
                  .environment = {{"WORD", "hello"}}},
                 absl::Seconds(10));

  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_EQ(finished.output, "hello\nerr\n");
}

TEST(ProcessTest, ReportsTheSignalThatEndedIt) {
  Process process({.command = {"sleep", "60"}});
  EXPECT_FALSE(process.Wait(absl::Milliseconds(20)).has_value());

  process.Signal(SIGTERM);

  EXPECT_EQ(process.Wait(absl::Seconds(10)), 128 + SIGTERM);
}

TEST(ProcessTest, EndsWithTheTestThatStartedIt) {
  const TempDir dir;
  const std::string file = dir.path() + "/pid";
  const pid_t test = fork();
  if (test == 0) {
    Process process({.command = {"sleep", "60"}});
    const std::string line = absl::StrCat("echo ", process.pid(), " > ", file);
    _exit(system(line.c_str()));  // as a crash: no destructor runs
  }
  ASSERT_EQ(waitpid(test, nullptr, 0), test);
  const pid_t pid = std::stoi(ReadFile(file));

  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    // Nobody may have waited for it yet: a zombie is dead too.
    const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
    return stat.empty() || absl::StrContains(stat, ") Z ");
  }));
}

TEST(TempDirTest, ACrashedTestsFolderIsRemovedByTheNext) {
  const TempDir dir;
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  ASSERT_EQ(waitpid(gone, nullptr, 0), gone);
  const std::string left =
      absl::StrCat(dir.path(), "/restaurant-test-of-", gone, "-abcdef");
  const std::string used =
      absl::StrCat(dir.path(), "/restaurant-test-of-", getpid(), "-abcdef");
  ASSERT_EQ(mkdir(left.c_str(), 0700), 0);
  ASSERT_EQ(mkdir(used.c_str(), 0700), 0);

  const pid_t next = fork();
  if (next == 0) {
    setenv("TMPDIR", dir.path().c_str(), 1);
    RemoveLeftovers();
    _exit(0);
  }
  ASSERT_EQ(waitpid(next, nullptr, 0), next);

  EXPECT_NE(access(left.c_str(), F_OK), 0);
  EXPECT_EQ(access(used.c_str(), F_OK), 0);
}

TEST(TestDatabaseTest, IsItsOwnAndGoesAway) {
  const TestDatabase other;
  std::string name;
  {
    const TestDatabase db;
    name = db.name();
    db.Exec("CREATE TABLE t (n int); INSERT INTO t VALUES (5), (6)");

    EXPECT_EQ(db.Value("SELECT n FROM t ORDER BY n"), "5");
    EXPECT_EQ(db.Value("SELECT NULL"), "");
    EXPECT_EQ(db.Value("SELECT 1 WHERE false"), "");
    EXPECT_EQ(other.Value("SELECT to_regclass('t')"), "");
  }
  EXPECT_EQ(
      other.Value(absl::StrCat(
          "SELECT count(*) FROM pg_database WHERE datname = '", name, "'")),
      "0");
}

TEST(PostgresServerTest, KeepsItsDataThroughACrash) {
  PostgresServer server;
  const TestDatabase db(server);
  db.Exec("CREATE TABLE t AS SELECT 5 AS n");

  server.Crash();
  server.Start();

  EXPECT_EQ(db.Value("SELECT n FROM t"), "5");
}

TEST(NatsServerTest, KeepsItsPortAndTellsWhatItDid) {
  NatsServer nats;
  const std::string url = nats.url();

  nats.Stop();
  nats.Start();
  nats.Kill();
  nats.Start();

  EXPECT_EQ(nats.url(), url);
  EXPECT_THAT(nats.Log(), HasSubstr("JetStream"));
}

TEST(NatsServerTest, TakesDeclarationsAndForgetsThemWhenWiped) {
  NatsServer nats;
  const auto jetstream =
      platform::events::JetStream::Connect({.url = nats.url(), .name = "test"});
  const auto stream = [&] {
    return (*jetstream)->Api("STREAM.INFO.ORDER", "", absl::Seconds(5));
  };

  Provision(nats.url(), {"order/jetstream.json", "cook/jetstream.json",
                         "delivery/jetstream.json"});
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return stream().ok(); }));
  nats.Kill();
  nats.WipeData();
  nats.Start();

  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return absl::IsNotFound(stream().status()); }));
}

}  // namespace
}  // namespace test_support
