#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "tests/support/eventually.h"

namespace test_support {
namespace {

struct User {
  uid_t uid;
  gid_t gid;
};

// The user to become; none if there is nothing to change.
std::optional<User> UserToBecome(const std::string& name) {
  if (name.empty() || geteuid() != 0) return std::nullopt;
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) Die(absl::StrCat("there is no user ", name));
  return User{.uid = entry->pw_uid, .gid = entry->pw_gid};
}

std::vector<std::string> Environment(
    const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) {
      result.push_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    result.push_back(absl::StrCat(name, "=", value));
  }
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Followed by the test's process id.
constexpr char kTempDirPrefix[] = "restaurant-test-of-";

}  // namespace

std::string TempBase() {
  const char* named = getenv("TMPDIR");
  return named != nullptr ? named : "/tmp";
}

Process::Process(const ProcessOptions& options) {
  // The test has threads: between fork and exec only what POSIX calls
  // async-signal-safe, so everything is laid out before.
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> argv = Pointers(command);
  const std::vector<char*> envp = Pointers(environment);
  const std::optional<User> user = UserToBecome(options.user);
  const pid_t parent = getpid();
  int output = -1;
  if (!options.output.empty()) {
    output = open(options.output.c_str(),
                  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (output < 0) Die(absl::StrCat("cannot write ", options.output));
  }

  pid_ = fork();
  if (pid_ < 0) Die("fork failed");
  if (pid_ == 0) {
    if (output >= 0) {
      dup2(output, STDOUT_FILENO);
      dup2(output, STDERR_FILENO);
    }
    if (user.has_value() &&
        (setgroups(0, nullptr) != 0 || setgid(user->gid) != 0 ||
         setuid(user->uid) != 0)) {
      _exit(126);
    }
    // A program under test must not inherit signals that the test blocks.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    prctl(PR_SET_PDEATHSIG, options.signal_at_death);  // setuid() undoes it
    if (getppid() != parent) _exit(126);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  if (output >= 0) close(output);
}

Process::~Process() { Kill(); }

bool Process::running() { return !Wait(absl::ZeroDuration()).has_value(); }

void Process::Signal(int signal) {
  if (running()) kill(pid_, signal);
}

void Process::Kill() {
  Signal(SIGKILL);
  Wait(absl::InfiniteDuration());
}

std::optional<int> Process::Wait(absl::Duration timeout) {
  Eventually(timeout, [&] {
    if (exit_code_.has_value()) return true;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    exit_code_ =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  });
  return exit_code_;
}

Finished RunProgram(ProcessOptions options, absl::Duration timeout) {
  const TempDir dir;
  options.output = dir.path() + "/output";
  Process process(options);
  const std::optional<int> code = process.Wait(timeout);
  if (!code.has_value()) {
    Die(absl::StrCat(options.command[0], " did not end:\n",
                     ReadFile(options.output)));
  }
  return {.exit_code = *code, .output = ReadFile(options.output)};
}

int FreePort() {
  // Below are those of whole systems (cmake/Targets.cmake), above the kernel's
  // own, on Linux.
  constexpr int kFirst = 26'000;
  constexpr int kLast = 32'767;
  std::random_device device;
  std::mt19937 random(device() ^ static_cast<unsigned>(getpid()));
  std::uniform_int_distribution<int> ports(kFirst, kLast);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int port = ports(random);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free =
        bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (is_free) return port;
  }
  Die("no free port");
}

std::vector<std::string> Leftovers(absl::string_view prefix) {
  std::vector<std::string> folders;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(TempBase(), ignored)) {
    const std::string file_name = entry.path().filename().string();
    absl::string_view name = file_name;
    int pid = 0;
    if (absl::ConsumePrefix(&name, prefix) &&
        absl::SimpleAtoi(name.substr(0, name.find('-')), &pid) &&
        kill(pid, 0) != 0 && errno == ESRCH) {
      folders.push_back(entry.path().string());
    }
  }
  return folders;
}

void RemoveLeftovers() {
  std::error_code ignored;
  for (const std::string& folder : Leftovers(kTempDirPrefix)) {
    std::filesystem::remove_all(folder, ignored);
  }
}

TempDir::TempDir() {
  static std::once_flag once;
  std::call_once(once, RemoveLeftovers);
  path_ = absl::StrCat(TempBase(), "/", kTempDirPrefix, getpid(), "-XXXXXX");
  if (mkdtemp(path_.data()) == nullptr) Die("cannot make " + path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TempDir::GiveTo(const std::string& user) {
  const std::optional<User> owner = UserToBecome(user);
  if (owner.has_value() && chown(path_.c_str(), owner->uid, owner->gid) != 0) {
    Die("cannot give away " + path_);
  }
}

std::string ReadFile(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void Die(absl::string_view what) {
  const std::string text(what);
  std::fprintf(stderr, "test support: %s\n", text.c_str());
  std::abort();
}

}  // namespace test_support
