// How replicas tell each other which views have changed: by NOTIFY, in the
// transaction that changes them, so that exactly what is committed is told.
//
// Those that notify commit one after the other in the whole instance, but the
// consumers' commits do not wait for the disk: each takes an instant (ADR
// 0020).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "platform/pg/pool.h"

namespace mypage {

inline constexpr char kChangeChannel[] = "mypage_changes";

// Views that may have changed.
struct ChangeNotice {
  struct Change {
    std::string order_id;
    int32_t customer_id = 0;
    friend bool operator==(const Change&, const Change&) = default;
  };
  bool all = false;  // then `changes` is empty
  std::vector<Change> changes;
};

// Makes of `sql`, which changes views and returns their order_id and
// customer_id, a statement that also tells the watchers of them. It returns the
// order_id of each.
std::string TellingOf(absl::string_view sql);

// Says, when `tx` commits, that any view may have changed.
void NotifyAllChanged(pqxx::transaction_base& tx);

// What is heard; what cannot be read means all.
ChangeNotice ParsePayload(absl::string_view payload);

}  // namespace mypage
