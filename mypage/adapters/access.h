// Who may call mypage. Own pages are those whose `customer_id` is the caller's
// subject.
#pragma once

#include "platform/auth/access.h"

namespace mypage {

// One rule for each RPC; docs/security.md shows the same table.
platform::auth::Rules AccessRules();

}  // namespace mypage
