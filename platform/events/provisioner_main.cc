// The provisioner: keeps JetStream's streams and durables as the services
// declare them. The only one that may.
//
//   provisioner --nats_url=nats://… [--nats_user=… --nats_password_file=…]
//               SERVICE/jetstream.json…

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "platform/config/common_flags.h"
#include "platform/events/jetstream.h"
#include "platform/events/provisioner.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/process/process.h"

// platform/config
ABSL_DECLARE_FLAG(std::string, metrics_listen);
ABSL_FLAG(int, replicas, 1, "Copies of each stream in a cluster: 1, 3 or 5.");
ABSL_FLAG(bool, once, false,
          "Wait for the broker to be there and take us, look once, and exit; "
          "else look every few "
          "seconds until SIGTERM.");

namespace {

namespace events = platform::events;
namespace log = platform::log;

// What somebody deleted is back within this and the time of one look.
constexpr absl::Duration kLookEvery = absl::Seconds(3);
constexpr absl::Duration kRetry = absl::Milliseconds(250);

// Says what was done. What comes to be for the first time is news; what was
// there and is not any more is a warning: somebody should know why.
void Report(const events::Provisioned& done, bool first) {
  const log::Level level = first ? log::Level::kInfo : log::Level::kWarning;
  for (const std::string& what : done.created) {
    log::Write(level, first ? "created" : "somebody deleted it: created again",
               {{"what", what}});
  }
  for (const std::string& what : done.corrected) {
    log::Write(level, "corrected", {{"what", what}});
  }
}

// Looks and restores until told to stop; with --once until it succeeded or
// cannot.
absl::Status Keep(events::JetStream& jetstream,
                  const events::Declarations& declarations, int replicas) {
  const bool once = absl::GetFlag(FLAGS_once);
  prometheus::Counter& restored = platform::metrics::Counter(
      "provisioner_restored_total",
      "Streams and durables created again or corrected after the start.");
  prometheus::Gauge& ready = platform::metrics::Gauge(
      "provisioner_ready", "1 while all is as declared.");
  bool first = true;  // until all was as declared once
  std::string said;
  while (!platform::ShutdownRequested()) {
    events::Provisioned done;
    const absl::Status status =
        events::Provision(jetstream, declarations, replicas, &done);
    const bool ok = status.ok();
    Report(done, first);
    if (!first) {
      restored.Increment(
          static_cast<double>(done.created.size() + done.corrected.size()));
    }
    ready.Set(ok ? 1 : 0);
    // Once for each cause, not once for each look.
    const std::string cause(status.message());
    if (!ok && cause != said) {
      log::Warning("not all is as declared; trying again", {{"cause", cause}});
    }
    if (ok && (first || !said.empty())) log::Info("all is as declared");
    said = cause;
    if (once && ok) return absl::OkStatus();
    if (once && !absl::IsUnavailable(status)) {
      return absl::InternalError(cause);
    }
    first = first && !ok;
    const absl::Time next = absl::Now() + (ok ? kLookEvery : kRetry);
    while (absl::Now() < next && !platform::ShutdownRequested()) {
      absl::SleepFor(absl::Milliseconds(100));
    }
  }
  if (once) return absl::CancelledError("stopped before all was as declared");
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& files) {
  const absl::StatusOr<platform::NatsConfig> nats = platform::LoadNatsConfig();
  if (!nats.ok()) return nats.status();
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
  log::Init("provisioner", log::Level::kInfo, "aggregate_id");
  const std::string metrics_listen = absl::GetFlag(FLAGS_metrics_listen);
  std::unique_ptr<platform::metrics::Page> page;
  if (!metrics_listen.empty()) {
    auto served = platform::metrics::Page::Serve(metrics_listen);
    if (!served.ok()) return served.status();
    page = *std::move(served);
  }
  const auto jetstream =
      events::JetStream::Connect(events::BrokerAs("provisioner", *nats));
  if (!jetstream.ok()) return jetstream.status();
  return Keep(**jetstream, *declarations, replicas);
}

}  // namespace

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("keeps streams and durables as declared");
  return platform::ExitCode(Run(platform::ParseFlags(argc, argv)));
}
