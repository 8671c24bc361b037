// What people type: scripts/up on a Postgres and a broker of their own,
// scripts/follow, scripts/logs, and scripts/down that leaves nothing.

#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/e2e/system.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"

namespace e2e {
namespace {

using ::test_support::Eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;

// postgresql://user@/database?host=…&port=… for `name=value name=value …`.
std::string UrlOf(const std::string& dsn) {
  std::map<std::string, std::string> values;
  for (absl::string_view pair : absl::StrSplit(dsn, ' ')) {
    values.insert(absl::StrSplit(pair, absl::MaxSplits('=', 1)));
  }
  return absl::StrCat("postgresql://", values.at("user"), "@/",
                      values.at("dbname"), "?host=", values.at("host"),
                      "&port=", values.at("port"));
}

// The processes that were started for the system in `run_dir`.
std::string ProcessesOf(const std::string& run_dir) {
  return RunCommand(absl::StrCat("grep -lsz '^RESTAURANT_PROCESS=", run_dir,
                                 "/' /proc/[0-9]*/environ"))
      .output;
}

TEST(ScriptsTest, ASystemOnServersGivenByUrlComesAndGoes) {
  test_support::PostgresServer postgres({"max_connections=500"});
  const test_support::NatsServer nats;
  System system({}, absl::StrCat("--postgres '", UrlOf(postgres.dsn()),
                                 "' --nats ", nats.url()));
  EXPECT_EQ(system["NATS_URL"], nats.url());
  EXPECT_EQ(system["POSTGRES_DIR"], "");
  system.SetStock(1, 1, 1);
  const std::string id = system.Place(1, 1, 1, 1);
  ASSERT_EQ(system.WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");

  // The gateway's log is written twice a second.
  Ran followed;
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] {
    followed = system.Script("follow " + id);
    return absl::StrContains(followed.output, "gateway ");
  })) << followed.output;
  EXPECT_EQ(followed.exit_code, 0);
  EXPECT_THAT(followed.output,
              AllOf(HasSubstr("outbox restaurant.order.ordered v1"),
                    HasSubstr("inbox  restaurant.order.ordered"),
                    HasSubstr("applied by cook"),
                    HasSubstr("outbox restaurant.cook.started v1"),
                    HasSubstr("applied by mypage")));
  const Ran unknown = system.Script(absl::StrCat("follow ", kUnknownId));
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.output,
            absl::StrCat("follow: nothing is known of ", kUnknownId, "\n"));

  // It follows until it is ended.
  const Ran logs = RunCommand(absl::StrCat("RUN_DIR=", system.run_dir(),
                                           " timeout 3 " SOURCE_DIR
                                           "/scripts/logs order cook"));
  EXPECT_EQ(logs.exit_code, 124);
  EXPECT_THAT(logs.output, AllOf(HasSubstr(R"("service":"order")"),
                                 HasSubstr(R"("service":"cook")")));
  EXPECT_EQ(system.Script("logs nobody").exit_code, 2);

  for (const char* theirs : {"postgres", "nats"}) {
    const Ran refused = system.Script(absl::StrCat("stop ", theirs));
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.output, HasSubstr("was given by URL; it is not ours"));
  }
  ASSERT_NE(ProcessesOf(system.run_dir()), "");

  const Ran down = system.Script("down --purge");

  EXPECT_EQ(down.exit_code, 0);
  EXPECT_EQ(down.output, "");
  EXPECT_EQ(ProcessesOf(system.run_dir()), "");
  EXPECT_EQ(RunCommand("test -e " + system.run_dir()).exit_code, 1);
  // What is theirs is as it was left.
  EXPECT_EQ(RunCommand(absl::StrCat("psql -XAtq '", UrlOf(postgres.dsn()),
                                    "' -c \"SELECT count(*) FROM pg_database "
                                    "WHERE datname LIKE 'restaurant\\_%'\""))
                .output,
            "4\n");
}

TEST(ScriptsTest, ATakenPortIsOneLine) {
  const test_support::TempDir folder;
  const test_support::NatsServer somebody;
  const std::string port(
      absl::StripPrefix(somebody.url(), "nats://127.0.0.1:"));

  const Ran up = RunCommand(absl::StrCat(
      "BUILD_DIR=" BINARY_DIR " RUN_DIR=", folder.path(),
      "/run ORDER_PORT=", port, " " SOURCE_DIR "/scripts/up --auto-ports"));

  EXPECT_EQ(up.exit_code, 1);
  EXPECT_EQ(up.output,
            absl::StrCat("up: taken port: ", port,
                         " (ORDER_PORT); nothing was started. Set others, or "
                         "use --auto-ports\n"));
  EXPECT_EQ(ProcessesOf(folder.path() + "/run"), "");
}

}  // namespace
}  // namespace e2e
