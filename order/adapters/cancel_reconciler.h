// Asks the kitchen again until every pending cancel has a definite outcome.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "order/adapters/cook_client.h"
#include "platform/pg/pool.h"
#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace order {

struct CancelReconcilerOptions {
  absl::Duration poll = absl::Milliseconds(500);
  int batch = 50;  // orders asked for at a time, > 0
};

// Runs on a thread of its own while it lives, in every replica: a claim with a
// lease keeps two of them from asking for one order at a time, and a pending
// cancel whose process died is claimed like any other.
//
// Metrics: cancel_pending (orders that wait), cancel_outcomes_total.
class CancelReconciler {
 public:
  // All must outlive the reconciler.
  CancelReconciler(platform::pg::Pool& pool, CookClient& cook,
                   platform::Clock now, CancelReconcilerOptions options = {});
  // Waits for the answers it has asked for.
  ~CancelReconciler();
  CancelReconciler(const CancelReconciler&) = delete;
  CancelReconciler& operator=(const CancelReconciler&) = delete;

 private:
  void Work();
  // Asks once for those that are due; true if there may be more.
  bool Round();

  platform::pg::Pool& pool_;
  CookClient& cook_;
  const platform::Clock now_;
  const CancelReconcilerOptions options_;
  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace order
