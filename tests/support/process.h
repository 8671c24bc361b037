// Other processes, started by a test and never outliving it.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace test_support {

struct ProcessOptions {
  // The program (a path, or a name that is looked up in PATH) and its
  // arguments.
  std::vector<std::string> command = {};
  // Added to the test's own environment.
  std::map<std::string, std::string> environment = {};
  // File to which stdout and stderr are appended; empty: the test's own.
  std::string output = {};
  // The user to run as, if the test is root; empty: as the test.
  std::string user = {};
  // What it gets when the test dies before it.
  int signal_at_death = SIGKILL;
};

// A running program. Not thread-safe. The kernel ends it when the *thread* that
// started it ends: start it from the test's own thread.
class Process {
 public:
  // Aborts the test if the program cannot be started.
  explicit Process(const ProcessOptions& options);
  // Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();

  // Sends a signal, unless it has ended.
  void Signal(int signal);
  // SIGKILL, and waits for the end.
  void Kill();
  // Waits for the end and returns the exit code, or 128 + the signal that ended
  // it; nothing if it still runs after `timeout`.
  std::optional<int> Wait(absl::Duration timeout);

 private:
  pid_t pid_;
  std::optional<int> exit_code_;
};

// Runs a program to its end and returns its exit code and what it printed.
struct Finished {
  int exit_code = 0;
  std::string output;
};
Finished RunProgram(ProcessOptions options, absl::Duration timeout);

// A port of 127.0.0.1 that is free now, outside the range that the kernel hands
// to outgoing connections: a server that is stopped finds its port free again,
// and a client that reconnects to it meanwhile cannot meet itself.
int FreePort();

// A folder that is gone at the end; or, if the test crashes, when the next test
// begins.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Hands the folder to `user`, if the test is root.
  void GiveTo(const std::string& user);

 private:
  std::string path_;
};

// Where temporary folders are.
std::string TempBase();

// The folders there that are called `<prefix><process id>-…` and whose process
// is gone.
std::vector<std::string> Leftovers(absl::string_view prefix);

// Removes the folders of tests that crashed. TempDir does it once.
void RemoveLeftovers();

// The text of a file, "" if there is none.
std::string ReadFile(const std::string& path);

// Prints `what` and ends the test program: its surroundings are broken.
[[noreturn]] void Die(absl::string_view what);

}  // namespace test_support
