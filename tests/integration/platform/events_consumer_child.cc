// A replica of its own: consumes the durable `worker` until it is killed.
//
//   events_consumer_child <dsn> <nats url>
#include <unistd.h>

#include <cstdio>

#include "platform/process/process.h"
#include "tests/integration/platform/events_in_fixture.h"

int main(int argc, char** argv) {
  namespace events = platform::events;
  platform::PrepareProcess();
  if (argc != 3) return platform::kExitUsage;
  platform::pg::Pool pool(events::EffectsPool(argv[1]));
  auto jetstream =
      events::JetStream::Connect({.url = argv[2], .name = "child"});
  if (!jetstream.ok()) return platform::ExitCode(jetstream.status());
  events::Effects effects;
  const events::Consumer consumer(
      pool, **jetstream,
      {.stream = "TEST", .durable = "worker", .max_attempts = 2},
      effects.handler());
  platform::WaitForShutdownSignal();
  return platform::kExitOk;
}
