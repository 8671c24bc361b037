#include "tests/support/nats.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "platform/events/jetstream.h"
#include "platform/events/provisioner.h"
#include "tests/support/eventually.h"

namespace test_support {
namespace {

std::string Program() {
  if (const char* named = getenv("NATS_SERVER")) return named;
  const std::string installed = SOURCE_DIR "/.tools/bin/nats-server";
  std::error_code ignored;
  return std::filesystem::exists(installed, ignored) ? installed
                                                     : "nats-server";
}

}  // namespace

NatsServer::NatsServer(NatsOptions options) : options_(std::move(options)) {
  // Somebody else may take the port between the choice and the start.
  for (int attempt = 0; attempt < 3; ++attempt) {
    port_ = FreePort();
    if (TryStart()) return;
  }
  Die(absl::StrCat(Program(), " did not start:\n", Log()));
}

NatsServer::~NatsServer() { Kill(); }

std::string NatsServer::url() const {
  return absl::StrCat("nats://127.0.0.1:", port_);
}

void NatsServer::Start() {
  if (server_->running()) return;
  if (!TryStart()) Die(absl::StrCat(Program(), " did not start:\n", Log()));
}

bool NatsServer::TryStart() {
  std::ofstream(dir_.path() + "/nats.conf")
      << "host: 127.0.0.1\nport: " << port_ << "\njetstream {\n  store_dir: \""
      << dir_.path() << "/data\"\n}\n"
      << "ping_interval: \"2s\"\nping_max: 2\n"
      << options_.config << "\n";
  const size_t logged = Log().size();
  server_ = std::make_unique<Process>(ProcessOptions{
      .command = {Program(), "-c", dir_.path() + "/nats.conf"},
      .output = dir_.path() + "/log",
  });
  return Eventually(absl::Seconds(30),
                    [&] {
                      return !server_->running() ||
                             absl::StrContains(Log().substr(logged),
                                               "Server is ready");
                    }) &&
         server_->running();
}

void NatsServer::Stop() {
  server_->Signal(SIGTERM);
  if (!server_->Wait(absl::Seconds(30)).has_value()) {
    Die(absl::StrCat("nats-server did not stop:\n", Log()));
  }
}

void NatsServer::Kill() { server_->Kill(); }

void NatsServer::Freeze() {
  server_->Signal(SIGSTOP);
  // Its threads stop one after the other; until the last has, it may answer.
  waitpid(server_->pid(), nullptr, WUNTRACED);
}

void NatsServer::Thaw() { server_->Signal(SIGCONT); }

void NatsServer::WipeData() {
  if (server_->running()) Die("WipeData() of a running nats-server");
  std::filesystem::remove_all(dir_.path() + "/data");
}

void NatsServer::Configure(std::string config) {
  options_.config = std::move(config);
}

std::string NatsServer::Log() const { return ReadFile(dir_.path() + "/log"); }

void Provision(const std::string& nats_url,
               const std::vector<std::string>& files) {
  std::vector<std::string> paths;
  for (const std::string& file : files) {
    paths.push_back(absl::StartsWith(file, "/")
                        ? file
                        : absl::StrCat(SOURCE_DIR "/", file));
  }
  const auto declarations = platform::events::ReadDeclarations(paths);
  if (!declarations.ok()) Die(declarations.status().ToString());
  const auto jetstream = platform::events::JetStream::Connect(
      {.url = nats_url, .name = "provision"});
  if (!jetstream.ok()) Die(jetstream.status().ToString());
  absl::Status status;
  if (!Eventually(absl::Seconds(30),
                  [&] {
                    status = platform::events::Provision(
                        **jetstream, *declarations, /*replicas=*/1);
                    return !absl::IsUnavailable(status);
                  }) ||
      !status.ok()) {
    Die(status.ToString());
  }
}

}  // namespace test_support
