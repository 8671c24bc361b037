// What a service says to a flag or a word that is missing or wrong: one line
// and exit code 2, before anything starts.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/process.h"

namespace e2e {
namespace {

constexpr const char* kServices[] = {"order", "cook", "delivery", "mypage"};

void ExpectUsageError(const std::string& service,
                      const std::vector<std::string>& words,
                      const std::string& names) {
  std::vector<std::string> command = {BINARY_DIR "/bin/" + service};
  command.insert(command.end(), words.begin(), words.end());
  const auto finished =
      test_support::RunProgram({.command = command}, absl::Seconds(30));

  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.output, ::testing::HasSubstr(names));
  EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1)
      << finished.output;
}

TEST(UsageTest, WithoutFlagsTheFirstThatIsNeededIsNamed) {
  for (const char* service : kServices) {
    SCOPED_TRACE(service);
    ExpectUsageError(service, {}, "--listen: ");
  }
}

TEST(UsageTest, AWrongFlagOrWordIsNamed) {
  struct Wrong {
    std::string service;
    std::string word;
    std::string names;
  };
  std::vector<Wrong> wrong = {
      {"order", "--cook_target=", "--cook_target: "},
      {"order", "--cook_target=cook", "--cook_target: "},
      {"cook", "--auto_cook_after=-1s", "--auto_cook_after: "},
      {"cook", "--auto_cook_after=25h", "--auto_cook_after: "},
      {"cook", "--auto_cook_after=soon", "'auto_cook_after'"},
      {"delivery", "--auto_deliver_after=-1s", "--auto_deliver_after: "},
      {"delivery", "--auto_deliver_after=25h", "--auto_deliver_after: "},
      {"delivery", "--auto_deliver_after=soon", "'auto_deliver_after'"},
      {"mypage", "--watch_limit=0", "--watch_limit: "},
      {"mypage", "--watch_limit=100001", "--watch_limit: "},
      {"mypage", "--watch_limit=many", "'watch_limit'"},
      {"mypage", "--watch_heartbeat=99ms", "--watch_heartbeat: "},
      {"mypage", "--watch_heartbeat=31s", "--watch_heartbeat: "},
      {"mypage", "--watch_max_age=999ms", "--watch_max_age: "},
      {"mypage", "--watch_max_age=25h", "--watch_max_age: "},
  };
  for (const char* service : kServices) {
    wrong.push_back({service, "--threads=0", "--threads: "});
    wrong.push_back({service, "--no_such_flag", "'no_such_flag'"});
    wrong.push_back({service, "no_such_command", "migrate"});
    // Nobody's keys are given below.
    wrong.push_back({service, "serve", "--auth_jwks: "});
  }
  for (const Wrong& each : wrong) {
    SCOPED_TRACE(each.service + " " + each.word);
    ExpectUsageError(each.service,
                     {"--listen=127.0.0.1:0", "--metrics_listen=127.0.0.1:0",
                      "--pg_dsn=postgresql:///none",
                      "--nats_url=nats://127.0.0.1:1", each.word},
                     each.names);
  }
}

}  // namespace
}  // namespace e2e
