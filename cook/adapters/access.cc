#include "cook/adapters/access.h"

namespace cook {

using platform::auth::Scope;

platform::auth::Rules AccessRules() {
  return {
      {"CancelTicket",
       {{"operator", Scope::kAll}, {"service", Scope::kAll, "order"}}},
      {"ListCancellations",
       {{"kitchen", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"GetTicket", {{"kitchen", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"ListTickets", {{"kitchen", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"FinishCooking", {{"kitchen", Scope::kOwn}}},
      {"GetStock", {{"kitchen", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"SetStock", {{"kitchen", Scope::kOwn}}},
      {"ListStock", {{"kitchen", Scope::kOwn}, {"operator", Scope::kAll}}},
  };
}

bool IsOrderService(
    const platform::auth::Caller& caller,
    const ::restaurant::cook::v1::CancelTicketRequest& request) {
  if (caller.anonymous()) return !request.by().empty();
  return caller.identity->role == "service";
}

}  // namespace cook
