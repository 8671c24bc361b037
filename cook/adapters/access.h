// Who may call the kitchen's service. Own tickets and stock are those of the
// restaurants in the claim `restaurants` of the caller's token.
#pragma once

#include "platform/auth/access.h"
#include "restaurant/cook/v1/cook_service.pb.h"

namespace cook {

// One rule for each RPC; docs/security.md shows the same table.
platform::auth::Rules AccessRules();

// The restaurants a kitchen works for, as its token calls them.
inline constexpr char kRestaurants[] = "restaurants";

// Whether the caller is the order service, the only one who may make
// tombstones. With authentication off it is known by saying who cancels, which
// operators need not.
bool IsOrderService(const platform::auth::Caller& caller,
                    const ::restaurant::cook::v1::CancelTicketRequest& request);

}  // namespace cook
