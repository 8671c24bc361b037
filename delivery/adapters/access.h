// Who may call the delivery service. Couriers share all deliveries.
#pragma once

#include "platform/auth/access.h"

namespace delivery {

// One rule for each RPC; docs/security.md shows the same table.
platform::auth::Rules AccessRules();

}  // namespace delivery
