// The tables that a rebuild fills beside the live ones, and the swap.
//
// They are called as the live ones, `mypage_views` and `inbox`, in a schema of
// their own: a connection that looks there first (UseShadow) runs every
// statement of the service against them unchanged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "mypage/domain/mypage_view.h"
#include "platform/pg/pool.h"

namespace mypage {

// Makes the shadow tables, empty, of the same shape as the live ones: columns,
// indexes, constraints, storage parameters, owner and grants. What an earlier
// rebuild has left is dropped. Needs the role that owns the live tables.
void CreateShadow(pqxx::work& tx);

// Points a new connection at the shadow tables.
void UseShadow(pqxx::connection& connection);

// Reads up to `limit` live views, by order id from behind `after` (empty: from
// the first), that have a timeline other than their shadow, or no shadow; and
// notes their events as kept. On a connection of UseShadow().
absl::StatusOr<std::vector<MypageView>> LiveViewsUnlikeShadow(
    pqxx::work& tx, const std::string& after, int limit);

// What the swap counted.
struct SwapCounts {
  int64_t orders = 0;         // views there are now
  int64_t orders_before = 0;  // views there were
  int64_t entries_kept = 0;   // entries that came from the live views only
};

// Waits until nobody applies events any more, in any replica, and keeps it so
// until the end of `tx`. An applier's first statement notes events in the
// inbox: it waits there, holding nothing, for up to its lock timeout. What was
// applied is put on disk meanwhile. Throws after the lock timeout of `tx`.
void PauseAppliers(pqxx::work& tx);

// After PauseAppliers(). Puts the shadow tables in the place of the live ones,
// at the commit of `tx`; readers wait for that moment, a few milliseconds, none
// fails, and whoever watches is told to look again. The inbox keeps the rows of
// entries that were kept, and of other durables than `durable`. Waits at most
// 2 s for readers in the middle of something, then throws as for a lock
// timeout.
SwapCounts SwapTables(pqxx::work& tx, const std::string& durable);

}  // namespace mypage
