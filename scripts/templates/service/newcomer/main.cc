// The newcomer service: hears of every order.
//
// This file is the wiring diagram: what exists, in the order it depends on each
// other, and in what order it stops.

#include <memory>
#include <string>
#include <vector>

#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"

#include "newcomer/adapters/order_events.h"
#include "newcomer/adapters/pg_heard_order_store.h"
#include "newcomer/config.h"
#include "newcomer/migrations/migrations.h"
#include "platform/auth/auth_flags.h"
#include "platform/events/commands.h"
#include "platform/events/consumer.h"
#include "platform/events/inbox_retention.h"
#include "platform/events/jetstream.h"
#include "platform/failpoint/failpoint.h"
#include "platform/grpc/server.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pool.h"
#include "platform/process/process.h"

namespace newcomer {
namespace {

namespace events = platform::events;
namespace log = platform::log;
namespace pg = platform::pg;

constexpr char kService[] = "newcomer";

pg::PoolOptions PoolNamed(const std::string& name, const Config& config,
                          int connections) {
  return {.name = name,
          .dsn = config.pg_dsn,
          .connections = connections,
          .prepare = PrepareStatements};
}

absl::Status Serve(const Config& config) {
  // No RPC yet, so no rule; a handler asks it who is calling.
  const auto access = platform::auth::AccessFromFlags(config.listen, {});
  if (!access.ok()) return access.status();
  const auto metrics = platform::metrics::Page::Serve(
      config.metrics_listen,
      platform::failpoint::ControlRoutes(config.failpoint_control));
  if (!metrics.ok()) return metrics.status();

  pg::Pool pool(PoolNamed("events", config, 2));
  const absl::Status schema =
      pg::WaitForSchema(pool, Migrations(), platform::ShutdownRequested);
  if (absl::IsCancelled(schema)) return absl::OkStatus();
  if (!schema.ok()) return schema;
  const auto jetstream =
      events::JetStream::Connect(events::BrokerAs(kService, config.nats));
  if (!jetstream.ok()) return jetstream.status();

  // Events in: what became of orders, from the first one kept.
  auto orders = std::make_unique<events::Consumer>(
      pool, **jetstream,
      events::ConsumerOptions{.stream = "ORDER", .durable = kService},
      HandleOrderEvents);
  const events::InboxRetention retention(pool);

  // Requests: none but health and reflection.
  const auto server =
      platform::rpc::Server::Start({.listen = config.listen}, {});
  if (!server.ok()) return server.status();
  (*server)->SetReady(true);
  log::Info("ready", {{"port", (*server)->port()}});

  platform::WaitForShutdownSignal();
  log::Info("stopping");
  (*server)->SetReady(false);
  absl::SleepFor(config.drain);
  orders.reset();
  (*server)->Stop(config.grace);
  log::Info("stopped");
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "serve" : words[0];
  const absl::StatusOr<Config> config = LoadConfig(command == "serve");
  if (!config.ok()) return config.status();
  log::Init(kService, config->log_level, "order_id");

  const bool alone = words.size() <= 1;
  if (command == "serve" && alone) return Serve(*config);
  if (command == "migrate" && alone) {
    return pg::Migrate(config->pg_owner_dsn, Migrations(),
                       {config->pg_runtime_role, Grants()});
  }
  if (command == "dead-letters") {
    pg::Pool pool(PoolNamed("commands", *config, 1));
    const std::vector<std::string> arguments(words.begin() + 1, words.end());
    return events::DeadLettersCommand(pool,
                                      {{.stream = "ORDER",
                                        .durable = kService,
                                        .handler = HandleOrderEvents}},
                                      arguments);
  }
  return absl::InvalidArgumentError(
      "commands: serve | migrate | dead-letters list | dead-letters redrive "
      "(all | EVENT_ID...)");
}

}  // namespace
}  // namespace newcomer

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("hears of every order");
  return platform::ExitCode(newcomer::Run(platform::ParseFlags(argc, argv)));
}
