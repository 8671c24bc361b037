// How a rebuild pauses those who apply events, in all replicas.
//
// An advisory lock of the database: every applying transaction holds it shared,
// the rebuild's last transaction exclusively.
#pragma once

#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace mypage {

// Prepares the statement below. Call from PoolOptions::prepare.
void PrepareRebuildGate(pqxx::connection& connection);

// `handler`, except that while the gate is closed it fails at once with
// `UNAVAILABLE`, not the event's fault: it is delivered again. It must not wait
// instead: its transaction has touched the inbox already, which the rebuild is
// about to replace, and each would wait for the other.
platform::events::Handler UnlessRebuilding(platform::events::Handler handler);

// Waits until nobody applies any more and keeps it so until the end of `tx`.
void CloseGate(pqxx::work& tx);

}  // namespace mypage
