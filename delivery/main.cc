// The delivery service: starts a delivery when a dish is cooked, and says when
// it was handed over.
//
// This file is the wiring diagram: what exists, in the order it depends on each
// other, and in what order it stops.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

#include "delivery/adapters/access.h"
#include "delivery/adapters/auto_deliver.h"
#include "delivery/adapters/cook_events.h"
#include "delivery/adapters/delivery_service.h"
#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/config.h"
#include "delivery/migrations/migrations.h"
#include "platform/auth/auth_flags.h"
#include "platform/events/commands.h"
#include "platform/events/consumer.h"
#include "platform/events/jetstream.h"
#include "platform/events/outbox_relay.h"
#include "platform/failpoint/failpoint.h"
#include "platform/grpc/server.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pool.h"
#include "platform/process/process.h"
#include "platform/thread/event_fd.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"

namespace delivery {
namespace {

namespace events = platform::events;
namespace log = platform::log;
namespace pg = platform::pg;

constexpr char kStream[] = "DELIVERY";
constexpr char kService[] = "delivery";

pg::PoolOptions PoolNamed(const std::string& name, const Config& config,
                          int connections,
                          std::function<void()> after_commit = nullptr) {
  return {.name = name,
          .dsn = config.common.pg_dsn,
          .connections = connections,
          .prepare = PrepareStatements,
          .after_commit = std::move(after_commit)};
}

absl::Status Serve(const Config& config) {
  const platform::CommonConfig& common = config.common;
  const auto access =
      platform::auth::AccessFromFlags(common.listen, AccessRules());
  if (!access.ok()) return access.status();
  const auto metrics = platform::metrics::Page::Serve(
      common.metrics_listen,
      platform::failpoint::ControlRoutes(common.failpoint_control));
  if (!metrics.ok()) return metrics.status();

  // Whatever is committed wakes the relay.
  const auto committed = std::make_shared<platform::EventFd>();
  const auto tell_relay = [committed] { committed->Set(); };
  // Requests and events have connections of their own: neither waits for the
  // other.
  pg::Pool requests(
      PoolNamed("requests", config, common.pg_connections, tell_relay));
  pg::Pool background(PoolNamed("events", config, 2, tell_relay));
  absl::Status schema =
      pg::WaitForSchema(requests, Migrations(), platform::ShutdownRequested);
  if (absl::IsCancelled(schema)) return absl::OkStatus();
  if (!schema.ok()) return schema;
  const auto jetstream =
      events::JetStream::Connect(events::BrokerAs(kService, common.nats));
  if (!jetstream.ok()) return jetstream.status();

  // Events out: what became of deliveries.
  events::OutboxRelay relay({.dsn = common.pg_dsn,
                             .stream = kStream,
                             .source = kService,
                             .repair = common.reconcile_repair,
                             .committed = committed},
                            **jetstream);

  // Events in: what was cooked. Perhaps somebody plays the courier.
  auto cooked = std::make_unique<events::Consumer>(
      background, **jetstream,
      events::ConsumerOptions{.stream = "COOK", .durable = kService},
      CookEvents(platform::Now));
  std::optional<AutoDeliver> auto_deliver;
  if (config.auto_deliver_after.has_value()) {
    auto_deliver.emplace(background, platform::Now, *config.auto_deliver_after);
  }

  // Requests.
  platform::Executor executor(
      {.name = "requests",
       .threads = common.threads,
       .queue_limit = static_cast<size_t>(common.queue_limit)});
  DeliveryService service(**access, requests, executor, platform::Now);
  const auto server =
      platform::rpc::Server::Start({.listen = common.listen}, {&service});
  if (!server.ok()) return server.status();
  (*server)->SetReady(true);
  log::Info("ready", {{"port", (*server)->port()}});

  platform::WaitForShutdownSignal();
  log::Info("stopping");
  (*server)->SetReady(false);
  absl::SleepFor(common.drain);
  cooked.reset();
  auto_deliver.reset();
  (*server)->Stop(common.grace);
  relay.Flush(common.grace);
  log::Info("stopped");
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "serve" : words[0];
  const absl::StatusOr<Config> config = LoadConfig(command == "serve");
  if (!config.ok()) return config.status();
  const platform::CommonConfig& common = config->common;
  log::Init(kService, common.log_level, "order_id");

  const bool alone = words.size() <= 1;
  if (command == "serve" && alone) return Serve(*config);
  if (command == "migrate" && alone) {
    return pg::Migrate(common.pg_owner_dsn, Migrations(),
                       {common.pg_runtime_role, Grants()});
  }
  if (command == "dead-letters") {
    pg::Pool pool(PoolNamed("commands", *config, 1));
    const std::vector<std::string> arguments(words.begin() + 1, words.end());
    return events::DeadLettersCommand(pool,
                                      {{.stream = "COOK",
                                        .durable = kService,
                                        .handler = CookEvents(platform::Now)}},
                                      arguments);
  }
  if (command == "reconcile" && alone) {
    return events::ReconcileCommand({.dsn = common.pg_owner_dsn,
                                     .nats = common.nats,
                                     .stream = kStream,
                                     .source = kService,
                                     .repair = common.repair});
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command \"", absl::StrJoin(words, " "),
                   "\": use serve, migrate, dead-letters list, dead-letters "
                   "redrive (all | EVENT_ID...), or reconcile [--repair]"));
}

}  // namespace
}  // namespace delivery

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("delivers what was cooked");
  return platform::ExitCode(delivery::Run(platform::ParseFlags(argc, argv)));
}
