// Plays the courier, for demos and load.
#pragma once

#include "absl/time/time.h"

#include "platform/pg/auto_player.h"
#include "platform/pg/pool.h"
#include "platform/time/clock.h"

namespace delivery {

// Completes every delivery `after` it started (and up to 100 ms later), on a
// thread of its own, while it lives. Any number of replicas may play: they
// share the work. The destructor waits for the batch in hand.
class AutoDeliver {
 public:
  // `pool` must outlive it and its connections must have been prepared with
  // PrepareStatements(). `after` is 0 or more.
  AutoDeliver(platform::pg::Pool& pool, platform::Clock clock,
              absl::Duration after);

 private:
  platform::pg::AutoPlayer player_;
};

}  // namespace delivery
