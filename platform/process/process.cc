#include "platform/process/process.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"

namespace platform {
namespace {

sigset_t ShutdownSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void PrepareProcess() {
  const sigset_t signals = ShutdownSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Else malloc gives almost every thread an arena, and each keeps pages for
  // the little that is still used in them: memory creeps up for hours. With
  // two, threads that share a core wait for each other.
  mallopt(M_ARENA_MAX, 4);
}

void DisableCoreDumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  // The limit does not hold for a dump that is piped to a program.
  prctl(PR_SET_DUMPABLE, 0);
}

void WaitForShutdownSignal() {
  const sigset_t signals = ShutdownSignals();
  constexpr timespec kMinute{.tv_sec = 60, .tv_nsec = 0};
  // malloc keeps what its arenas ever needed, many times what a service uses.
  while (sigtimedwait(&signals, nullptr, &kMinute) < 0) malloc_trim(0);
}

bool ShutdownRequested() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 ||
         sigismember(&pending, SIGINT) == 1;
}

int ExitCode(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  const std::string line =
      absl::StrReplaceAll(status.message(), {{"\n", " "}, {"\r", " "}});
  std::fputs(absl::StrCat("error: ", line, "\n").c_str(), stderr);
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailure;
}

}  // namespace platform
