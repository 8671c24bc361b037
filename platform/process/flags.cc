#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "platform/process/process.h"

ABSL_FLAG(
    bool, core_dumps, true,
    "Whether a crash may leave an image of the memory, secrets included.");

namespace platform {
namespace {

bool parsing_flags = false;
bool help_wanted = false;

// Abseil ends a process whose flags are wrong with 1, which is how we report
// failures of other kinds, and also one that was asked for help.
void OnExit(int status, void* /*unused*/) {
  if (!parsing_flags || status != 1) return;
  std::fflush(nullptr);
  _exit(help_wanted ? kExitOk : kExitUsage);
}

}  // namespace

std::vector<std::string> ParseFlags(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    while (absl::ConsumePrefix(&word, "-")) {
    }
    help_wanted = help_wanted || absl::StartsWith(word, "help");
  }
  on_exit(OnExit, nullptr);
  parsing_flags = true;
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  parsing_flags = false;
  if (!absl::GetFlag(FLAGS_core_dumps)) DisableCoreDumps();
  return {words.begin() + 1, words.end()};
}

}  // namespace platform
