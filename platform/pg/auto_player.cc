#include "platform/pg/auto_player.h"

#include <algorithm>
#include <utility>

#include "platform/log/log.h"

namespace platform::pg {
namespace {

// Things per transaction.
constexpr int kBatch = 500;
// How far rounds are apart: at least so far, so that under load one commit
// finishes many, and who hears of them gets many at once; at most so far, for
// what began meanwhile.
constexpr absl::Duration kLeast = absl::Milliseconds(50);
constexpr absl::Duration kMost = absl::Milliseconds(100);
// After a failure, e.g. while the database is away.
constexpr absl::Duration kAfterFailure = absl::Seconds(1);

}  // namespace

AutoPlayer::AutoPlayer(Pool& pool, Clock clock, AutoPlayerOptions options)
    : pool_(pool),
      clock_(std::move(clock)),
      options_(std::move(options)),
      rounds_([this] { return Round(); }) {}

absl::Duration AutoPlayer::Round() {
  std::optional<absl::Time> oldest;
  absl::Status done = pool_.Read([&](pqxx::nontransaction& tx) {
    oldest = options_.oldest(tx);
    return absl::OkStatus();
  });
  const absl::Time now = clock_();
  if (done.ok()) {
    if (!oldest.has_value()) return kMost;
    const absl::Duration left = *oldest + options_.after - now;
    if (left > absl::ZeroDuration()) return std::clamp(left, kLeast, kMost);
    done = options_.before_finish.Hit();
    int finished = 0;
    if (done.ok())
      done = pool_.InTransaction([&](pqxx::work& tx) {
        const absl::StatusOr<int> count =
            options_.finish(tx, now - options_.after, kBatch, now);
        finished = count.value_or(0);
        return count.status();
      });
    if (done.ok()) done = options_.after_finish.Hit();
    if (done.ok()) return finished == kBatch ? absl::ZeroDuration() : kLeast;
  }
  log::Warning(options_.name + " failed",
               {{"code", absl::StatusCodeToString(done.code())},
                {"error", done.message()}});
  return kAfterFailure;
}

}  // namespace platform::pg
