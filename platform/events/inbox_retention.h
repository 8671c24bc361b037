// Forgets old inbox rows where the relay does not: in a service that publishes
// nothing and has none.
#pragma once

#include "absl/time/time.h"

#include "platform/events/retention.h"
#include "platform/pg/pool.h"
#include "platform/thread/rounds.h"

namespace platform::events {

// Deletes inbox rows older than 30 days, a little every minute, on a thread of
// its own, while it lives. Any number of replicas may do it at once.
class InboxRetention {
 public:
  // `pool` must outlive this and must have been prepared with
  // Retention::Prepare().
  explicit InboxRetention(pg::Pool& pool);

 private:
  // Deletes some; returns how long to wait before the next.
  absl::Duration Round();

  pg::Pool& pool_;
  const Retention retention_;
  Rounds rounds_;
};

}  // namespace platform::events
