#include "delivery/adapters/auto_deliver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/app/use_cases.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"

namespace delivery {
namespace {

platform::failpoint::Point before_complete("delivery.auto_before_complete");
platform::failpoint::Point after_complete("delivery.auto_after_complete");

// Deliveries per transaction.
constexpr int kBatch = 500;
// How far rounds are apart: at least so far, so that under load one commit
// completes many; at most so far, for what other processes started meanwhile.
constexpr absl::Duration kLeast = absl::Milliseconds(10);
constexpr absl::Duration kMost = absl::Milliseconds(100);
// After a failure, e.g. while the database is away.
constexpr absl::Duration kAfterFailure = absl::Seconds(1);

}  // namespace

AutoDeliver::AutoDeliver(platform::pg::Pool& pool, platform::Clock clock,
                         absl::Duration after)
    : pool_(pool),
      clock_(std::move(clock)),
      after_(after),
      rounds_([this] { return Round(); }) {}

absl::Duration AutoDeliver::Round() {
  std::optional<absl::Time> oldest;
  absl::Status done = pool_.Read([&](pqxx::nontransaction& tx) {
    oldest = OldestStarted(tx);
    return absl::OkStatus();
  });
  const absl::Time now = clock_();
  if (done.ok()) {
    if (!oldest.has_value()) return kMost;
    if (*oldest + after_ > now) {
      return std::clamp(*oldest + after_ - now, kLeast, kMost);
    }
    done = before_complete.Hit();
    if (done.ok())
      done = pool_.InTransaction([&](pqxx::work& tx) {
        PgDeliveryStore store(tx, /*traceparent=*/"");
        return CompleteDue(store, now - after_, kBatch, now).status();
      });
    if (done.ok()) done = after_complete.Hit();
  }
  if (done.ok()) return kLeast;
  platform::log::Warning("auto deliver failed",
                         {{"code", absl::StatusCodeToString(done.code())},
                          {"error", done.message()}});
  return kAfterFailure;
}

}  // namespace delivery
