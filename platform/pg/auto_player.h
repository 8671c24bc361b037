// Plays a person who does in time what is to be done, for demos and load.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/failpoint/failpoint.h"
#include "platform/pg/pool.h"
#include "platform/thread/rounds.h"
#include "platform/time/clock.h"

namespace platform::pg {

struct AutoPlayerOptions {
  std::string name;      // for the log
  absl::Duration after;  // how long after it began a thing is due, 0 or more
  // When the oldest thing that is to be done began.
  std::function<std::optional<absl::Time>(pqxx::transaction_base& tx)> oldest;
  // Does up to `limit` of those that began no later than `begun_by`; returns
  // how many.
  std::function<absl::StatusOr<int>(pqxx::work& tx, absl::Time begun_by,
                                    int limit, absl::Time now)>
      finish;
  // Around the transaction of `finish`.
  failpoint::Point& before_finish;
  failpoint::Point& after_finish;
};

// Does everything `after` it began (and up to 100 ms later, or as long as it
// takes if much is due), on a thread of its own, while it lives. Any number of
// replicas may play: they share the work, if `finish` passes by what another
// has locked. The destructor waits for the batch in hand.
class AutoPlayer {
 public:
  // `pool` must outlive it.
  AutoPlayer(Pool& pool, Clock clock, AutoPlayerOptions options);

 private:
  // Does what is due; returns how long to wait before the next look.
  absl::Duration Round();

  Pool& pool_;
  const Clock clock_;
  const AutoPlayerOptions options_;
  Rounds rounds_;
};

}  // namespace platform::pg
