// The cook service: begins to cook what was ordered, keeps the stock, and
// decides whether an order can still be cancelled.
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
#include "absl/time/time.h"

#include "cook/adapters/access.h"
#include "cook/adapters/auto_cook.h"
#include "cook/adapters/cook_service.h"
#include "cook/adapters/order_events.h"
#include "cook/adapters/pg_ticket_queries.h"
#include "cook/adapters/pg_ticket_store.h"
#include "cook/config.h"
#include "cook/migrations/migrations.h"
#include "platform/auth/auth_flags.h"
#include "platform/config/common_flags.h"
#include "platform/events/commands.h"
#include "platform/events/consumer.h"
#include "platform/events/inbox.h"
#include "platform/events/jetstream.h"
#include "platform/events/outbox.h"
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

namespace cook {
namespace {

namespace events = platform::events;
namespace log = platform::log;
namespace pg = platform::pg;

constexpr char kService[] = "cook";
constexpr char kStream[] = "COOK";

pg::PoolOptions PoolNamed(const std::string& name, const Config& config,
                          int connections,
                          std::function<void()> after_commit = nullptr) {
  return {.name = name,
          .dsn = config.common.pg_dsn,
          .connections = connections,
          .prepare =
              [](pqxx::connection& connection) {
                events::PrepareInbox(connection);
                events::PrepareOutbox(connection);
                PrepareTicketStore(connection);
                PrepareTicketQueries(connection);
              },
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

  // Events out: what became of tickets.
  events::OutboxRelay relay({.dsn = common.pg_dsn,
                             .stream = kStream,
                             .source = kService,
                             .repair = common.reconcile_repair,
                             .committed = committed},
                            **jetstream);

  // Events in: what was ordered. Perhaps somebody plays the kitchen.
  std::optional<AutoCook> auto_cook;
  if (config.auto_cook_after.has_value()) {
    auto_cook.emplace(background, platform::Now, *config.auto_cook_after);
  }
  auto orders = std::make_unique<events::Consumer>(
      background, **jetstream,
      events::ConsumerOptions{.stream = "ORDER", .durable = kService},
      OrderEvents(platform::Now));

  // Requests.
  platform::Executor executor(
      {.name = "requests",
       .threads = common.threads,
       .queue_limit = static_cast<size_t>(common.queue_limit)});
  CookService service(**access, requests, executor, platform::Now);
  auto server =
      platform::rpc::Server::Start({.listen = common.listen}, {&service});
  if (!server.ok()) return server.status();
  (*server)->SetReady(true);
  log::Info("ready", {{"port", (*server)->port()}});

  platform::WaitForShutdownSignal();
  log::Info("stopping");
  (*server)->SetReady(false);
  absl::SleepFor(common.drain);
  orders.reset();
  auto_cook.reset();
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
                                      {{.stream = "ORDER",
                                        .durable = kService,
                                        .handler = OrderEvents(platform::Now)}},
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
}  // namespace cook

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("cooks what was ordered, and keeps the stock");
  return platform::ExitCode(cook::Run(platform::ParseFlags(argc, argv)));
}
