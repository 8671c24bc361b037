#include "platform/config/common_flags.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/process/process.h"
#include "tests/support/status_matchers.h"

namespace platform {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::StartsWith;

void Set(const char* flag, const std::string& value) {
  std::string error;
  ASSERT_TRUE(absl::FindCommandLineFlag(flag)->ParseFrom(value, &error))
      << error;
}

// In children: parsing is for once.
void ParseAndExit(std::vector<std::string> words) {
  words.insert(words.begin(), "program");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const std::vector<std::string> rest =
      ParseFlags(static_cast<int>(argv.size()), argv.data());
  std::fputs(absl::StrJoin(rest, " ").c_str(), stderr);
  std::exit(kExitOk);
}

TEST(ParseFlagsDeathTest, WrongFlagsAreAUsageError) {
  EXPECT_EXIT(ParseAndExit({"--no_such_flag=1"}),
              ::testing::ExitedWithCode(kExitUsage), "no_such_flag");
  EXPECT_EXIT(ParseAndExit({"--threads=many"}),
              ::testing::ExitedWithCode(kExitUsage), "threads");
}

TEST(ParseFlagsDeathTest, HelpIsNoError) {
  EXPECT_EXIT(ParseAndExit({"--help"}), ::testing::ExitedWithCode(kExitOk), "");
}

TEST(ParseFlagsDeathTest, WordsAreReturned) {
  EXPECT_EXIT(ParseAndExit({"one", "--threads=3", "two", "--", "--three"}),
              ::testing::ExitedWithCode(kExitOk), "one two --three");
}

TEST(ParseFlagsDeathTest, CoreDumpsAreOffWhenAsked) {
  const auto print_and_exit = [](std::vector<const char*> words) {
    words.insert(words.begin(), "program");
    ParseFlags(static_cast<int>(words.size()),
               const_cast<char**>(words.data()));
    rlimit core{};
    getrlimit(RLIMIT_CORE, &core);
    std::fprintf(stderr, "dumpable %d, none %d", prctl(PR_GET_DUMPABLE),
                 core.rlim_cur == 0 ? 1 : 0);
    std::exit(kExitOk);
  };
  EXPECT_EXIT(print_and_exit({"--core_dumps=false"}),
              ::testing::ExitedWithCode(kExitOk), "dumpable 0, none 1");
  EXPECT_EXIT(print_and_exit({}), ::testing::ExitedWithCode(kExitOk),
              "dumpable 1");
}

// The flags that every service must be given are set to good values.
class CommonFlagsTest : public ::testing::Test {
 protected:
  CommonFlagsTest() {
    Set("listen", "127.0.0.1:8081");
    Set("metrics_listen", "127.0.0.1:9081");
    Set("pg_dsn", "postgresql:///x");
    Set("nats_url", "nats://127.0.0.1:4222");
  }

 private:
  const absl::FlagSaver saver_;
};

TEST_F(CommonFlagsTest, GoodFlagsAreTaken) {
  Set("drain", "2s");
  Set("log_level", "warning");
  const auto config = LoadCommonConfig();

  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->listen, "127.0.0.1:8081");
  EXPECT_EQ(config->drain, absl::Seconds(2));
  EXPECT_EQ(config->log_level, log::Level::kWarning);
}

TEST_F(CommonFlagsTest, ABadFlagIsNamed) {
  constexpr struct {
    const char* flag;
    const char* value;
  } kBad[] = {
      {"listen", ""},
      {"listen", "8081"},
      {"listen", "127.0.0.1:"},
      {"listen", "127.0.0.1:x"},
      {"listen", "127.0.0.1:65536"},
      {"listen", "127.0.0.1:-1"},
      {"listen", ":8081"},
      {"metrics_listen", ""},
      {"metrics_listen", "nonsense"},
      {"pg_dsn", ""},
      {"pg_dsn", "host=x port"},
      {"pg_dsn", "postgresql://[x"},
      {"nats_url", ""},
      {"nats_url", "127.0.0.1:4222"},
      {"nats_url", "http://127.0.0.1:4222"},
      {"nats_url", "nats://127.0.0.1:4222,"},
      {"pg_owner_dsn", "host=x port"},
      {"pg_connections", "0"},
      {"pg_connections", "101"},
      {"threads", "0"},
      {"threads", "257"},
      {"queue_limit", "0"},
      {"queue_limit", "100001"},
      {"drain", "-1s"},
      {"drain", "61s"},
      {"drain", "inf"},
      {"grace", "-1s"},
      {"grace", "61s"},
      {"log_level", "loud"},
      {"failpoints", "no.such.point=crash"},
  };
  for (const auto& [flag, value] : kBad) {
    SCOPED_TRACE(std::string("--") + flag + "=" + value);
    const absl::FlagSaver saver;
    Set(flag, value);

    const auto config = LoadCommonConfig();

    EXPECT_THAT(config, Fails(absl::StatusCode::kInvalidArgument, "BAD_FLAG"));
    EXPECT_THAT(std::string(config.status().message()),
                StartsWith(std::string("--") + flag + ": "));
  }
}

TEST_F(CommonFlagsTest, ADsnIsNeverShown) {
  Set("pg_dsn", "host=x secret");
  const auto config = LoadCommonConfig();

  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().message().find("secret"), std::string::npos);
}

TEST_F(CommonFlagsTest, ASubcommandNeedsNoAddresses) {
  Set("listen", "");
  Set("metrics_listen", "");
  Set("nats_url", "");

  EXPECT_THAT(LoadCommonConfig(/*serving=*/false), IsOk());
}

TEST_F(CommonFlagsTest, TheOwnersDsnIsTheOtherOneUnlessGiven) {
  EXPECT_EQ(LoadCommonConfig()->pg_owner_dsn, "postgresql:///x");
  Set("pg_owner_dsn", "postgresql:///y");
  EXPECT_EQ(LoadCommonConfig()->pg_owner_dsn, "postgresql:///y");

  // A subcommand may be given that one alone.
  Set("pg_dsn", "");
  EXPECT_THAT(LoadCommonConfig(/*serving=*/false), IsOk());
  EXPECT_FALSE(LoadCommonConfig(/*serving=*/true).ok());
}

TEST_F(CommonFlagsTest, ThePasswordIsTheFilesFirstLine) {
  const std::string path = ::testing::TempDir() + "/common_flags_password";
  std::ofstream(path) << "secret\n";
  Set("nats_user", "order");
  Set("nats_password_file", path);

  const auto config = LoadCommonConfig();

  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->nats.user, "order");
  EXPECT_EQ(config->nats.password, "secret");
  std::remove(path.c_str());
}

TEST_F(CommonFlagsTest, ABadBrokerUserIsNamed) {
  Set("nats_user", "order");
  EXPECT_THAT(std::string(LoadCommonConfig().status().message()),
              StartsWith("--nats_password_file: "));
  Set("nats_password_file", "/nowhere");
  EXPECT_THAT(std::string(LoadCommonConfig().status().message()),
              StartsWith("--nats_password_file: /nowhere cannot be read"));
  Set("nats_user", "order.>");
  EXPECT_THAT(std::string(LoadCommonConfig().status().message()),
              StartsWith("--nats_user: "));
}

TEST_F(CommonFlagsTest, Ipv6AddressesAreAddresses) {
  Set("listen", "[::1]:8081");

  EXPECT_THAT(LoadCommonConfig(), IsOk());
}

}  // namespace
}  // namespace platform
