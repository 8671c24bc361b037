// The provisioner: keeps JetStream's streams and durables as the services
// declare them. The only one that may.
//
//   provisioner --nats_url=nats://… order/jetstream.json cook/jetstream.json …

#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "platform/config/common_flags.h"
#include "platform/events/jetstream.h"
#include "platform/events/provisioner.h"
#include "platform/log/log.h"
#include "platform/process/process.h"

ABSL_DECLARE_FLAG(std::string, nats_url);  // platform/config
ABSL_FLAG(int, replicas, 1, "Copies of each stream in a cluster: 1, 3 or 5.");
ABSL_FLAG(bool, once, false,
          "Wait for the broker, look once, and exit; else look every few "
          "seconds until SIGTERM.");

namespace {

namespace events = platform::events;
namespace log = platform::log;

// What somebody deleted is back within this and the time of one look.
constexpr absl::Duration kLookEvery = absl::Seconds(3);
constexpr absl::Duration kRetry = absl::Milliseconds(250);

absl::Status Run(const std::vector<std::string>& files) {
  const std::string nats_url = absl::GetFlag(FLAGS_nats_url);
  if (nats_url.empty()) {
    return platform::BadFlag("nats_url", "is missing; nats://host:port");
  }
  const int replicas = absl::GetFlag(FLAGS_replicas);
  if (replicas != 1 && replicas != 3 && replicas != 5) {
    return platform::BadFlag("replicas",
                             absl::StrCat("must be 1, 3 or 5, not ", replicas));
  }
  if (files.empty()) {
    return absl::InvalidArgumentError(
        "no declarations: name jetstream.json files");
  }
  const absl::StatusOr<events::Declarations> declarations =
      events::ReadDeclarations(files);
  if (!declarations.ok()) return declarations.status();
  log::Init("provisioner", log::Level::kInfo, "order_id");
  const auto jetstream =
      events::JetStream::Connect({.url = nats_url, .name = "provisioner"});
  if (!jetstream.ok()) return jetstream.status();

  bool ready = false;
  while (!platform::ShutdownRequested()) {
    const absl::StatusOr<events::ProvisionResult> result =
        events::Provision(**jetstream, *declarations, replicas);
    if (result.ok() && absl::GetFlag(FLAGS_once)) return absl::OkStatus();
    if (result.ok() && !ready) log::Info("ready");
    if (!result.ok() && ready) {
      log::Warning("not provisioned", {{"cause", result.status().message()}});
    }
    // A refusal by the broker will not go away by itself: say so at once.
    if (!result.ok() && !ready && !absl::IsUnavailable(result.status())) {
      log::Error("not provisioned", {{"cause", result.status().message()}});
      if (absl::GetFlag(FLAGS_once)) return result.status();
    }
    ready = result.ok();
    const absl::Time next = absl::Now() + (ready ? kLookEvery : kRetry);
    while (absl::Now() < next && !platform::ShutdownRequested()) {
      absl::SleepFor(absl::Milliseconds(100));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("keeps streams and durables as declared");
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  return platform::ExitCode(
      Run(std::vector<std::string>(words.begin() + 1, words.end())));
}
