// Plays the kitchen, for demos and load.
#pragma once

#include "absl/time/time.h"

#include "platform/pg/auto_player.h"
#include "platform/pg/pool.h"
#include "platform/time/clock.h"

namespace cook {

// Finishes every ticket `after` it was made (and up to 100 ms later), on a
// thread of its own, while it lives. Any number of replicas may play: they
// share the work. The destructor waits for the batch in hand.
class AutoCook {
 public:
  // `pool` must outlive it and its connections must have been prepared with
  // PrepareTicketStore(), PrepareTicketQueries() and events::PrepareOutbox().
  // `after` is 0 or more.
  AutoCook(platform::pg::Pool& pool, platform::Clock clock,
           absl::Duration after);

 private:
  platform::pg::AutoPlayer player_;
};

}  // namespace cook
