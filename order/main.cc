// The order service: places and cancels orders, and follows them to their end.
//
// This file is the wiring diagram. Objects are made in the order they depend on
// each other; at the end they stop as architecture §8 says: no more events in,
// no more requests, no more events out.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/usage.h"
#include "absl/time/clock.h"

#include "order/adapters/access.h"
#include "order/adapters/cancel_order.h"
#include "order/adapters/cancel_reconciler.h"
#include "order/adapters/cook_client.h"
#include "order/adapters/cook_events.h"
#include "order/adapters/delivery_events.h"
#include "order/adapters/order_service.h"
#include "order/adapters/pg_order_store.h"
#include "order/adapters/place_order_batcher.h"
#include "order/config.h"
#include "order/migrations/migrations.h"
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

namespace {

namespace events = platform::events;
using platform::pg::Pool;

constexpr char kStream[] = "ORDER";
constexpr char kService[] = "order";

std::vector<events::Subscription> Subscriptions() {
  return {{"COOK", kService, order::HandleCookEvents},
          {"DELIVERY", kService, order::HandleDeliveryEvents}};
}

absl::Status Serve(const order::Config& config) {
  const platform::CommonConfig& common = config.common;
  const auto access =
      platform::auth::AccessFromFlags(common.listen, order::AccessRules());
  if (!access.ok()) return access.status();
  const auto signer = platform::auth::SignerFromFlags(kService);
  if (!signer.ok()) return signer.status();
  const auto metrics = platform::metrics::Page::Serve(
      common.metrics_listen,
      platform::failpoint::ControlRoutes(common.failpoint_control));
  if (!metrics.ok()) return metrics.status();

  // Requests, new orders, and what goes on in the background have connections
  // of their own. New orders leave a thread to requests, if there are two.
  const order::PlaceOrderBatcherOptions placing{
      .at_once = std::clamp(common.threads - 1, 1, 2)};
  const auto committed = std::make_shared<platform::EventFd>();
  const auto tell_relay = [committed] { committed->Set(); };
  Pool pool({.name = "requests",
             .dsn = common.pg_dsn,
             .connections = common.pg_connections,
             .prepare = order::PrepareStatements,
             .after_commit = tell_relay});
  Pool place_pool({.name = "place",
                   .dsn = common.pg_dsn,
                   .connections = placing.at_once,
                   .prepare = order::PreparePlacedOrders,
                   .after_commit = tell_relay});
  Pool background({.name = "events",
                   .dsn = common.pg_dsn,
                   .connections = 3,
                   .prepare = order::PrepareStatements,
                   .after_commit = tell_relay});
  absl::Status schema = platform::pg::WaitForSchema(
      pool, order::Migrations(), platform::ShutdownRequested);
  if (absl::IsCancelled(schema)) return absl::OkStatus();
  if (!schema.ok()) return schema;

  const auto jetstream =
      events::JetStream::Connect(events::BrokerAs(kService, common.nats));
  if (!jetstream.ok()) return jetstream.status();

  // Events out, events in.
  auto relay = std::make_unique<events::OutboxRelay>(
      events::RelayOptions{.dsn = common.pg_dsn,
                           .stream = kStream,
                           .source = kService,
                           .repair = common.reconcile_repair,
                           .committed = committed},
      **jetstream);
  std::vector<std::unique_ptr<events::Consumer>> consumers;
  for (const events::Subscription& subscription : Subscriptions()) {
    consumers.push_back(std::make_unique<events::Consumer>(
        background, **jetstream,
        events::ConsumerOptions{.stream = subscription.stream,
                                .durable = subscription.durable},
        subscription.handler));
  }

  platform::Executor executor(
      {.threads = common.threads,
       .queue_limit = static_cast<size_t>(common.queue_limit)});
  order::PlaceOrderBatcher batcher(executor, place_pool, placing);
  order::CookClient cook(config.cook_target, signer->get());
  order::OrderCanceller canceller(executor, pool, cook, platform::Now);
  auto reconciler = std::make_unique<order::CancelReconciler>(background, cook,
                                                              platform::Now);

  order::OrderServiceImpl service(**access, executor, pool, batcher, canceller,
                                  platform::Now);
  const auto server = platform::rpc::Server::Start(
      {.listen = common.listen}, std::vector<grpc::Service*>{&service});
  if (!server.ok()) return server.status();
  (*server)->SetReady(true);
  platform::log::Info("ready", {{"port", (*server)->port()}});

  platform::WaitForShutdownSignal();
  platform::log::Info("stopping");
  (*server)->SetReady(false);
  absl::SleepFor(common.drain);
  consumers.clear();
  reconciler.reset();
  (*server)->Stop(common.grace);
  relay->Flush(common.grace);
  platform::log::Info("stopped");
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "serve" : words.front();
  const absl::StatusOr<order::Config> config =
      order::LoadConfig(command == "serve");
  if (!config.ok()) return config.status();
  const platform::CommonConfig& common = config->common;
  platform::log::Init(kService, common.log_level, "order_id");

  const bool alone = words.size() <= 1;
  if (command == "serve" && alone) return Serve(*config);
  if (command == "migrate" && alone) {
    return platform::pg::Migrate(common.pg_owner_dsn, order::Migrations(),
                                 {common.pg_runtime_role, order::Grants()});
  }
  if (command == "dead-letters") {
    Pool pool({.name = "commands",
               .dsn = common.pg_dsn,
               .connections = 1,
               .prepare = order::PrepareStatements});
    return events::DeadLettersCommand(
        pool, Subscriptions(),
        std::vector<std::string>(words.begin() + 1, words.end()));
  }
  if (command == "reconcile" && alone) {
    return events::ReconcileCommand({.dsn = common.pg_owner_dsn,
                                     .nats = common.nats,
                                     .stream = kStream,
                                     .source = kService,
                                     .repair = common.repair});
  }
  return absl::InvalidArgumentError(
      "commands: serve | migrate | dead-letters list | dead-letters redrive "
      "(all | EVENT_ID...) | reconcile [--repair]");
}

}  // namespace

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("places and cancels orders");
  order::SetFlagDefaults();
  return platform::ExitCode(Run(platform::ParseFlags(argc, argv)));
}
