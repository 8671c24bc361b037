// Start and end of a process.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace platform {

// Exit codes.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;  // a flag is missing or wrong

// Call first thing in main(), before any thread: blocks SIGTERM and SIGINT for
// WaitForShutdownSignal(), ignores SIGPIPE, turns off Abseil's mutex deadlock
// detection, lets malloc have four arenas for all threads.
void PrepareProcess();

// Parses the command line and returns its words, without the program's name and
// without flags. If a flag is unknown or its value cannot be read, ends the
// process with exit code 2 and one line that says so. Call once, first thing
// after PrepareProcess(). With --core_dumps=false a crash leaves none from here
// on.
std::vector<std::string> ParseFlags(int argc, char** argv);

// From now on a crash leaves no image of the memory, with all its secrets, on a
// disk, and no process of the same user may look into it. (`scripts/status` of
// such a user takes the process for gone, unless that is root.)
void DisableCoreDumps();

// Blocks until SIGTERM or SIGINT. Gives memory that is free back to the system
// meanwhile, once a minute.
void WaitForShutdownSignal();

// True once a shutdown signal is pending; for waits before serving begins.
bool ShutdownRequested();

// Prints `status` as one line on stderr and returns the exit code: 0 for OK, 2
// for `INVALID_ARGUMENT`, otherwise 1.
int ExitCode(const absl::Status& status);

}  // namespace platform
