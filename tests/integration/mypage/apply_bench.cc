// How many events per second the projection takes: whole lives through inbox,
// fold and rows, by one consumer per stream at the same time, as in the
// service.
//
//   mypage_apply_bench <dsn of an empty database> [batch] [orders]

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"

#include "mypage/migrations/migrations.h"
#include "platform/events/inbox.h"
#include "platform/pg/migrate.h"
#include "tests/integration/mypage/lives.h"

namespace {

using platform::events::Message;

// The time it takes to apply all that `streams` say, one thread each.
absl::Duration Measure(platform::pg::Pool& pool,
                       const std::vector<std::vector<Message>>& streams,
                       size_t batch) {
  const absl::Time start = absl::Now();
  std::vector<std::thread> consumers;
  for (const std::vector<Message>& messages : streams) {
    consumers.emplace_back([&pool, &messages, batch] {
      const absl::Status status = mypage::Apply(pool, messages, batch);
      if (!status.ok()) std::printf("%s\n", status.ToString().c_str());
    });
  }
  for (std::thread& consumer : consumers) consumer.join();
  return absl::Now() - start;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: mypage_apply_bench <dsn> [batch] [orders]\n");
    return 2;
  }
  const std::string dsn = argv[1];
  const auto batch = static_cast<size_t>(argc > 2 ? std::atoi(argv[2]) : 128);
  const int orders = argc > 3 ? std::atoi(argv[3]) : 10000;
  if (const auto migrated = platform::pg::Migrate(dsn, mypage::Migrations());
      !migrated.ok()) {
    std::fprintf(stderr, "%s\n", migrated.ToString().c_str());
    return 1;
  }
  platform::pg::Pool pool({.name = "bench",
                           .dsn = dsn,
                           .connections = 3,
                           .acquire_timeout = absl::Seconds(5),
                           .prepare = mypage::Prepare});
  for (int round = 0; round < 3; ++round) {
    std::vector<std::vector<Message>> streams(3);
    size_t events = 0;
    for (int i = 0; i < orders; ++i) {
      for (Message& message :
           mypage::Life(mypage::OrderId(round * orders + i), 0)) {
        const std::string stream = mypage::StreamOf(message);
        ++events;
        streams[stream == "ORDER"  ? 0
                : stream == "COOK" ? 1
                                   : 2]
            .push_back(std::move(message));
      }
    }
    const absl::Duration took = Measure(pool, streams, batch);
    std::printf("round %d: %zu events in %.2f s: %.0f events/s\n", round + 1,
                events, absl::ToDoubleSeconds(took),
                static_cast<double>(events) / absl::ToDoubleSeconds(took));
  }
  return 0;
}
