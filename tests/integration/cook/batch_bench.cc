// How many orders per second the kitchen can take: batches of `Ordered` through
// inbox, tickets, stock, ledger and outbox, as the consumer applies them.
//
//   cook_batch_bench <dsn of an empty database> [seconds per figure] [batch]

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "cook/migrations/migrations.h"
#include "platform/pg/migrate.h"
#include "tests/integration/cook/process.h"

namespace {

// Orders per second of `processes` that each apply batches of `batch` orders
// over `items` menu items.
double Measure(const std::string& dsn, int processes, int batch, int items,
               absl::Duration duration) {
  std::atomic<int> orders = 0;
  std::atomic<int> failures = 0;
  const absl::Time start = absl::Now();
  std::vector<std::thread> threads;
  for (int p = 0; p < processes; ++p) {
    threads.emplace_back([&] {
      cook::Process process(dsn, 1);
      for (int i = 0; absl::Now() < start + duration;) {
        std::vector<cook::OrderDetails> heard;
        for (int j = 0; j < batch; ++j, ++i) {
          heard.push_back(cook::NewOrder(1, {1, 1 + i % items}));
        }
        if (process.Hear(heard).ok()) {
          orders += batch;
        } else {
          ++failures;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failures > 0) std::printf("%d batches failed\n", failures.load());
  return orders / absl::ToDoubleSeconds(absl::Now() - start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: cook_batch_bench <dsn> [seconds] [batch]\n");
    return 2;
  }
  const std::string dsn = argv[1];
  const absl::Duration duration =
      absl::Seconds(argc > 2 ? std::atoi(argv[2]) : 2);
  std::vector<int> batches = {1, 16, 128};
  if (argc > 3) batches = {std::atoi(argv[3])};
  if (!platform::pg::Migrate(dsn, cook::Migrations()).ok()) return 1;
  for (const int items : {1, 100}) {
    cook::Process process(dsn, 1);
    for (int item = 1; item <= items; ++item) {
      if (!process.SetOnHand({1, item}, cook::kMaxOnHand).ok()) return 1;
    }
    for (const int batch : batches) {
      for (const int processes : {1, 3}) {
        std::printf("items %3d  batch %3d  processes %d  %8.0f orders/s\n",
                    items, batch, processes,
                    Measure(dsn, processes, batch, items, duration));
        std::fflush(stdout);
      }
    }
  }
  return 0;
}
