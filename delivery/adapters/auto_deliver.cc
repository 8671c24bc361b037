#include "delivery/adapters/auto_deliver.h"

#include <utility>

#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/app/use_cases.h"
#include "platform/failpoint/failpoint.h"

namespace delivery {
namespace {

platform::failpoint::Point before_complete("delivery.auto_before_complete");
platform::failpoint::Point after_complete("delivery.auto_after_complete");

absl::StatusOr<int> CompleteDeliveries(pqxx::work& tx, absl::Time begun_by,
                                       int limit, absl::Time now) {
  // Deliveries have traces of their own.
  PgDeliveryStore store(tx, /*traceparent=*/"");
  return CompleteDue(store, begun_by, limit, now);
}

}  // namespace

AutoDeliver::AutoDeliver(platform::pg::Pool& pool, platform::Clock clock,
                         absl::Duration after)
    : player_(pool, std::move(clock),
              {.name = "auto deliver",
               .after = after,
               .oldest = OldestStarted,
               .finish = CompleteDeliveries,
               .before_finish = before_complete,
               .after_finish = after_complete}) {}

}  // namespace delivery
