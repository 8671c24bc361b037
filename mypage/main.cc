// The mypage service: shows customers how their orders stand.
//
// This file is the wiring diagram. Objects are made in the order they depend on
// each other; at the end they stop as architecture §8 says: no more events in,
// no more requests.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "mypage/adapters/access.h"
#include "mypage/adapters/change_listener.h"
#include "mypage/adapters/mypage_service.h"
#include "mypage/adapters/pg_mypage_store.h"
#include "mypage/adapters/rebuild.h"
#include "mypage/adapters/subscriptions.h"
#include "mypage/adapters/watch_hub.h"
#include "mypage/config.h"
#include "mypage/migrations/migrations.h"
#include "platform/auth/auth_flags.h"
#include "platform/events/commands.h"
#include "platform/events/consumer.h"
#include "platform/events/inbox.h"
#include "platform/events/inbox_retention.h"
#include "platform/events/jetstream.h"
#include "platform/events/retention.h"
#include "platform/failpoint/failpoint.h"
#include "platform/grpc/server.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pool.h"
#include "platform/process/process.h"
#include "platform/thread/executor.h"

namespace {

namespace events = platform::events;

constexpr char kService[] = "mypage";

void Prepare(pqxx::connection& connection) {
  mypage::PrepareMypage(connection, mypage::Tell::kWatchers);
  events::PrepareInbox(connection);
  events::Retention::Prepare(connection);
}

absl::Status Serve(const mypage::Config& config) {
  const auto access = platform::auth::AccessFromFlags(config.common.listen,
                                                      mypage::AccessRules());
  if (!access.ok()) return access.status();
  const auto metrics = platform::metrics::Page::Serve(
      config.common.metrics_listen,
      platform::failpoint::ControlRoutes(config.common.failpoint_control));
  if (!metrics.ok()) return metrics.status();

  // Readers and events have connections of their own: none waits for the other.
  platform::pg::Pool pool({.name = "requests",
                           .dsn = config.common.pg_dsn,
                           .connections = config.common.pg_connections,
                           .prepare = Prepare});
  platform::pg::Pool events_pool({.name = "events",
                                  .dsn = config.common.pg_dsn,
                                  .connections = 4,
                                  .prepare = Prepare});
  absl::Status schema = platform::pg::WaitForSchema(
      pool, mypage::Migrations(), platform::ShutdownRequested);
  if (absl::IsCancelled(schema)) return absl::OkStatus();
  if (!schema.ok()) return schema;

  const auto jetstream = events::JetStream::Connect(
      events::BrokerAs(kService, config.common.nats));
  if (!jetstream.ok()) return jetstream.status();

  std::vector<std::unique_ptr<events::Consumer>> consumers;
  for (const events::Subscription& subscription : mypage::Subscriptions()) {
    consumers.push_back(std::make_unique<events::Consumer>(
        events_pool, **jetstream, mypage::OptionsOf(subscription),
        subscription.handler));
  }
  const events::InboxRetention retention(events_pool);

  platform::Executor executor(
      {.threads = config.common.threads,
       .queue_limit = static_cast<size_t>(config.common.queue_limit)});
  mypage::WatchHub watches(executor, pool, config.watch);
  const mypage::ChangeListener listener(config.common.pg_dsn, watches);
  mypage::MypageServiceImpl service(**access, executor, pool, watches);
  const auto server = platform::rpc::Server::Start(
      {.listen = config.common.listen}, std::vector<grpc::Service*>{&service});
  if (!server.ok()) return server.status();
  (*server)->SetReady(true);
  platform::log::Info("ready", {{"port", (*server)->port()}});

  platform::WaitForShutdownSignal();
  platform::log::Info("stopping");
  (*server)->SetReady(false);
  absl::SleepFor(config.common.drain);
  // Whoever watches goes to those who are ready.
  watches.Drain();
  consumers.clear();
  (*server)->Stop(config.common.grace);
  platform::log::Info("stopped");
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "serve" : words.front();
  const absl::StatusOr<mypage::Config> config =
      mypage::LoadConfig(command == "serve");
  if (!config.ok()) return config.status();
  platform::log::Init(kService, config->common.log_level, "order_id");

  const bool alone = words.size() <= 1;
  if (command == "serve" && alone) return Serve(*config);
  if (command == "migrate" && alone) {
    return platform::pg::Migrate(
        config->common.pg_owner_dsn, mypage::Migrations(),
        {config->common.pg_runtime_role, mypage::Grants()});
  }
  if (command == "dead-letters") {
    platform::pg::Pool pool({.name = "commands",
                             .dsn = config->common.pg_dsn,
                             .connections = 1,
                             .prepare = Prepare});
    return events::DeadLettersCommand(
        pool, mypage::Subscriptions(),
        std::vector<std::string>(words.begin() + 1, words.end()));
  }
  if (command == "rebuild" && alone) {
    return mypage::Rebuild(
        {.dsn = config->common.pg_owner_dsn,
         .nats =
             events::BrokerAs(events::AdminName(kService), config->common.nats),
         .subscriptions = mypage::Subscriptions(),
         .say = [](const std::string& line) {
           absl::PrintF("%s\n", line);
           std::fflush(stdout);
         }});
  }
  return absl::InvalidArgumentError(
      "commands: serve | migrate | rebuild | dead-letters list | "
      "dead-letters redrive (all | EVENT_ID...)");
}

}  // namespace

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("shows customers how their orders stand");
  return platform::ExitCode(Run(platform::ParseFlags(argc, argv)));
}
