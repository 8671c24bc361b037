#include "platform/process/process.h"

#include <csignal>
#include <thread>

#include "gtest/gtest.h"

#include "platform/status/error.h"

namespace platform {
namespace {

// In children: the signals stay blocked once they are.
TEST(ProcessDeathTest, WaitsForAShutdownSignal) {
  EXPECT_EXIT(
      {
        PrepareProcess();
        if (ShutdownRequested()) std::exit(3);
        std::thread([] { kill(getpid(), SIGTERM); }).join();
        if (!ShutdownRequested()) std::exit(4);
        WaitForShutdownSignal();
        if (ShutdownRequested()) std::exit(5);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ProcessDeathTest, ABrokenPipeIsNoEnd) {
  EXPECT_EXIT(
      {
        PrepareProcess();
        std::raise(SIGPIPE);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, TellsTheExitCodeAndSaysWhyInOneLine) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);

  ::testing::internal::CaptureStderr();
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("--listen:\nis missing")), 2);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "error: --listen: is missing\n");

  ::testing::internal::CaptureStderr();
  EXPECT_EQ(ExitCode(Error(absl::StatusCode::kFailedPrecondition,
                           "ADDRESS_IN_USE", "taken")),
            1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "error: taken\n");
}

}  // namespace
}  // namespace platform
