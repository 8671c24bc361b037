// Asks the kitchen again until every pending cancel has a definite outcome.
#pragma once

#include "absl/time/time.h"

#include "order/adapters/cook_client.h"
#include "platform/pg/pool.h"
#include "platform/thread/rounds.h"
#include "platform/time/clock.h"

namespace order {

struct CancelReconcilerOptions {
  absl::Duration poll = absl::Milliseconds(500);
  int batch = 50;  // orders asked for at a time, > 0
};

// Runs on a thread of its own while it lives, in every replica: a claim with a
// lease keeps two of them from asking for one order at a time, and a pending
// cancel whose process died is claimed like any other. The destructor waits for
// the answers it has asked for.
//
// Metrics: cancel_pending (orders that wait), cancel_outcomes_total.
class CancelReconciler {
 public:
  // All must outlive the reconciler.
  CancelReconciler(platform::pg::Pool& pool, CookClient& cook,
                   platform::Clock now, CancelReconcilerOptions options = {});

 private:
  // Asks once for those that are due; returns how long to wait before the next.
  absl::Duration Round();

  platform::pg::Pool& pool_;
  CookClient& cook_;
  const platform::Clock now_;
  const CancelReconcilerOptions options_;
  platform::Rounds rounds_;
};

}  // namespace order
