// Group commit for PlaceOrder: callers that arrive together share one
// transaction, that is one round trip and one fsync.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "order/adapters/pg_placed_orders.h"
#include "order/domain/order.h"
#include "platform/pg/pool.h"
#include "platform/thread/adaptive_limit.h"
#include "platform/thread/executor.h"
#include "platform/thread/mutex.h"

namespace order {

struct PlaceOrderBatcherOptions {
  // Transactions, > 0; each wants a connection, and a thread of the executor
  // that others then do without.
  int at_once = 2;
  size_t queue_limit = 1024;  // orders that may ever wait, > 0
  size_t max_batch = 128;     // orders per transaction, > 0
  // The same while cancels or reads wait, > 0: every order makes work for the
  // kitchen, the courier and the database, which then take longer for them.
  size_t max_batch_past_urgent = 16;
};

// Nobody waits for a batch to fill: it takes what is there. While it commits
// others queue up, and so the next grows with the load. A batch is a task of
// the executor, where cancels and reads go before it.
//
// How many may wait follows how long they wait (platform::AdaptiveLimit).
//
// Thread-safe. Metrics: place_batch_size, place_batches_total,
// place_batched_orders_total, place_queue_depth, place_queue_limit,
// place_refused_total.
class PlaceOrderBatcher {
 public:
  // Called once, on a thread of the executor, with the order as it was placed,
  // now or, if its key was known, the first time; or with
  //   ALREADY_EXISTS      the key was used for another body
  //   RESOURCE_EXHAUSTED  the deadline passed while it waited
  //   UNAVAILABLE         the database is away; unless it went while it
  //                       committed, nothing was stored
  // It must not block.
  using Done = std::function<void(absl::StatusOr<OrderState>)>;

  // Both must outlive the batcher. The connections of `pool` must be prepared
  // with PreparePlacedOrders().
  PlaceOrderBatcher(platform::Executor& executor, platform::pg::Pool& pool,
                    PlaceOrderBatcherOptions options);
  // Commits what is queued, then stops.
  ~PlaceOrderBatcher();
  PlaceOrderBatcher(const PlaceOrderBatcher&) = delete;
  PlaceOrderBatcher& operator=(const PlaceOrderBatcher&) = delete;

  // Queues `placed`. Refuses with `Overloaded()` if as many wait as may, or by
  // the present pace it would not be committed before `deadline`; `done` is
  // then never called.
  absl::Status Place(PlacedOrder placed, absl::Time deadline, Done done);

 private:
  struct Item {
    PlacedOrder placed;
    absl::Time queued;
    absl::Time deadline;
    Done done;
  };
  using Results = std::vector<absl::StatusOr<OrderState>>;

  // A task: one batch, then behind what matters more again.
  void AddTask();
  void Work(absl::Time added);
  std::vector<Item> Take();
  // How many go into a batch now.
  size_t MostInBatch();
  void Store(std::vector<Item> batch, absl::Time added);
  // True if nothing waits: the task has ended.
  bool EndTask();
  bool TooLate(absl::Time deadline, size_t batch) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `rows` as InsertPlaced() wants them.
  Results Commit(absl::Span<const PlacedOrder* const> rows);
  // Sets `may_be_stored` once some of them may be: from then on no failure is
  // one that says that nothing was done.
  absl::StatusOr<Results> CommitTogether(
      absl::Span<const PlacedOrder* const> rows, bool& may_be_stored);

  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  const PlaceOrderBatcherOptions options_;
  platform::Mutex mutex_;
  platform::CondVar idle_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  platform::AdaptiveLimit limit_ ABSL_GUARDED_BY(mutex_);
  int tasks_ ABSL_GUARDED_BY(mutex_) = 0;  // in the executor
  // Moving average of how long a batch takes, with its wait for a thread.
  absl::Duration batch_time_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace order
