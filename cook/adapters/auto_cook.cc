#include "cook/adapters/auto_cook.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cook/adapters/pg_ticket_queries.h"
#include "cook/adapters/pg_ticket_store.h"
#include "cook/app/use_cases.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/trace/trace_context.h"

namespace cook {
namespace {

platform::failpoint::Point before_finish("cook.auto_before_finish");
platform::failpoint::Point after_finish("cook.auto_after_finish");

// Tickets per transaction.
constexpr int kBatch = 500;
// Rounds are at least so far apart unless there is a full batch to finish, so
// that under load one commit finishes many.
constexpr absl::Duration kPace = absl::Milliseconds(5);
// After a failure, e.g. while the database is away.
constexpr absl::Duration kAfterFailure = absl::Seconds(1);

}  // namespace

AutoCook::AutoCook(platform::pg::Pool& pool, platform::Clock clock,
                   AutoCookOptions options)
    : pool_(pool), clock_(std::move(clock)), options_(options) {
  thread_ = std::thread([this] { Work(); });
}

AutoCook::~AutoCook() {
  {
    platform::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.Signal();
  thread_.join();
}

void AutoCook::TicketsMade() {
  const absl::Time due = clock_() + options_.after;
  platform::MutexLock lock(mutex_);
  awake_until_ = due + options_.commit_time;
  if (next_look_ > due + kPace) {
    next_look_ = due + kPace;
    wake_.Signal();
  }
}

void AutoCook::Work() {
  while (WaitForWork()) {
    const absl::Time next = FinishDueTickets();
    const absl::Time now = clock_();
    platform::MutexLock lock(mutex_);
    next_look_ = std::min(next_look_, next);
    if (awake_until_ > now && awake_until_ - options_.commit_time <= now) {
      next_look_ = std::min(next_look_, now + kPace);
    }
  }
}

bool AutoCook::WaitForWork() {
  platform::MutexLock lock(mutex_);
  while (!stopping_) {
    const absl::Duration wait = next_look_ - clock_();
    if (wait <= absl::ZeroDuration()) {
      next_look_ = absl::InfiniteFuture();
      return true;
    }
    wake_.WaitFor(mutex_, std::min(wait, options_.look_every));
  }
  return false;
}

absl::Time AutoCook::FinishDueTickets() {
  const absl::Time now = clock_();
  int finished = 0;
  absl::Status done = before_finish.Hit();
  if (done.ok())
    done = pool_.InTransaction([&](pqxx::work& tx) -> absl::Status {
      PgTicketStore store(tx, platform::ContinueTrace("").Traceparent());
      const absl::StatusOr<int> count =
          FinishDue(store, now - options_.after, kBatch, now);
      finished = count.value_or(0);
      return count.status();
    });
  if (done.ok()) done = after_finish.Hit();
  std::optional<absl::Time> oldest;
  if (done.ok() && finished < kBatch) {
    done = pool_.Read([&](pqxx::nontransaction& tx) {
      oldest = OldestCooking(tx);
      return absl::OkStatus();
    });
  }
  if (!done.ok()) {
    platform::log::Warning("auto cook failed",
                           {{"code", absl::StatusCodeToString(done.code())},
                            {"error", done.message()}});
    return now + kAfterFailure;
  }
  if (finished == kBatch) return now;
  if (!oldest.has_value()) return now + options_.look_every;
  // One that is due already is locked by somebody who is changing it.
  return std::clamp(*oldest + options_.after, now + kPace,
                    now + options_.look_every);
}

}  // namespace cook
