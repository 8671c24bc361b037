#include "cook/adapters/auto_cook.h"

#include <utility>

#include "cook/adapters/pg_ticket_queries.h"
#include "cook/adapters/pg_ticket_store.h"
#include "cook/app/use_cases.h"
#include "platform/failpoint/failpoint.h"

namespace cook {
namespace {

platform::failpoint::Point before_finish("cook.auto_before_finish");
platform::failpoint::Point after_finish("cook.auto_after_finish");

absl::StatusOr<int> FinishTickets(pqxx::work& tx, absl::Time begun_by,
                                  int limit, absl::Time now) {
  // Tickets have traces of their own.
  PgTicketStore store(tx, /*traceparent=*/"");
  return FinishDue(store, begun_by, limit, now);
}

}  // namespace

AutoCook::AutoCook(platform::pg::Pool& pool, platform::Clock clock,
                   absl::Duration after)
    : player_(pool, std::move(clock),
              {.name = "auto cook",
               .after = after,
               .oldest = OldestCooking,
               .finish = FinishTickets,
               .before_finish = before_finish,
               .after_finish = after_finish}) {}

}  // namespace cook
