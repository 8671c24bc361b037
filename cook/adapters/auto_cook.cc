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
// How far rounds are apart: at least so far, so that under load one commit
// finishes many; at most so far, for tickets that were made meanwhile.
constexpr absl::Duration kLeast = absl::Milliseconds(10);
constexpr absl::Duration kMost = absl::Milliseconds(100);
// After a failure, e.g. while the database is away.
constexpr absl::Duration kAfterFailure = absl::Seconds(1);

}  // namespace

AutoCook::AutoCook(platform::pg::Pool& pool, platform::Clock clock,
                   absl::Duration after)
    : pool_(pool),
      clock_(std::move(clock)),
      after_(after),
      rounds_([this] { return Round(); }) {}

absl::Duration AutoCook::Round() {
  std::optional<absl::Time> oldest;
  absl::Status done = pool_.Read([&](pqxx::nontransaction& tx) {
    oldest = OldestCooking(tx);
    return absl::OkStatus();
  });
  const absl::Time now = clock_();
  if (done.ok()) {
    if (!oldest.has_value()) return kMost;
    if (*oldest + after_ > now) {
      return std::clamp(*oldest + after_ - now, kLeast, kMost);
    }
    done = before_finish.Hit();
    if (done.ok())
      done = pool_.InTransaction([&](pqxx::work& tx) {
        PgTicketStore store(tx, platform::ContinueTrace("").Traceparent());
        return FinishDue(store, now - after_, kBatch, now).status();
      });
    if (done.ok()) done = after_finish.Hit();
  }
  if (done.ok()) return kLeast;
  platform::log::Warning("auto cook failed",
                         {{"code", absl::StatusCodeToString(done.code())},
                          {"error", done.message()}});
  return kAfterFailure;
}

}  // namespace cook
