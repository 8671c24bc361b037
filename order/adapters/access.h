// Who may call the order service. Own orders are those whose `customer_id` is
// the caller's subject.
#pragma once

#include "platform/auth/access.h"

namespace order {

// One rule for each RPC; docs/security.md shows the same table.
platform::auth::Rules AccessRules();

}  // namespace order
