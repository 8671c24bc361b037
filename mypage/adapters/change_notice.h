// How replicas tell each other which views have changed: NOTIFY, in the
// transaction that changes them.
//
// Only commits notify, and nobody who listens can miss one: it arrives after
// the commit, in every session that has executed LISTEN before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "mypage/domain/mypage_view.h"
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

// Prepares the statement below. Call from PoolOptions::prepare.
void PrepareChangeNotice(pqxx::connection& connection);

// Says, when `tx` commits, that the views of these events have changed; unless
// they are a rebuild's, which nobody watches. One notice per transaction: each
// that notifies waits for the others at its commit.
void NotifyChanged(pqxx::transaction_base& tx, absl::Span<const Heard> events);

// Says, when `tx` commits, that any view may have changed.
void NotifyAllChanged(pqxx::transaction_base& tx);

// The payload of a notice; what cannot be read means all.
std::string ToPayload(const ChangeNotice& notice);
ChangeNotice ParsePayload(absl::string_view payload);

}  // namespace mypage
