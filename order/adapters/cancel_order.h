// The cancel path: load, ask the kitchen, settle (docs/life-of-an-order.md).
#pragma once

#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "order/adapters/cook_client.h"
#include "order/app/use_cases.h"
#include "order/domain/order.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace order {

// How long the kitchen has to answer.
inline constexpr absl::Duration kKitchenTimeout = absl::Seconds(1);

// Cancels orders for customers. Thread-safe.
//
// No thread and no row lock waits for the kitchen. Metrics:
// cancel_outcomes_total{outcome}: cancelled, refused or pending, once for each
// answer of the kitchen.
class OrderCanceller {
 public:
  struct Command {
    std::string order_id;
    // Whether the order is the caller's; if not, it does not exist for him.
    std::function<bool(const OrderState&)> may_cancel;
    std::string reason;
    std::string by;
    std::string traceparent;
    absl::Time deadline;
  };
  // Called once, on a thread of the executor, with the order, CANCELLED or
  // CANCEL_PENDING; or with `NOT_FOUND`, or `FAILED_PRECONDITION` if it is too
  // late, or what Executor and Pool fail with.
  using Done = std::function<void(absl::StatusOr<OrderState>)>;

  // All must outlive the canceller. `max_asking` > 0: how many calls may wait
  // for the kitchen at a time; more are refused with `Overloaded()`.
  OrderCanceller(platform::Executor& executor, platform::pg::Pool& pool,
                 CookClient& cook, platform::Clock now, int max_asking = 256);
  // Waits until all are done.
  ~OrderCanceller();
  OrderCanceller(const OrderCanceller&) = delete;
  OrderCanceller& operator=(const OrderCanceller&) = delete;

  // `done` may also be called before this returns, with a refusal.
  void Cancel(Command command, const Done& done);

 private:
  void Ask(const Command& command, const Done& done);
  void Settle(const Command& command, const KitchenAnswer& answer,
              const Done& done);
  bool BeginAsking();
  void EndAsking();

  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  CookClient& cook_;
  const platform::Clock now_;
  const int max_asking_;
  platform::Mutex mutex_;
  platform::CondVar idle_;
  int asking_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Counts one answer in cancel_outcomes_total.
void CountCancelOutcome(const KitchenAnswer& answer);

}  // namespace order
