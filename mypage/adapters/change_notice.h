// How replicas tell each other which views have changed: NOTIFY, after the
// commit that changed them and before its events are acknowledged, so that
// whoever dies in between leaves it to who gets the events again.
//
// In the transaction itself it would cost more: those that notify commit one
// after the other in the whole instance, each with its fsync.
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

// Says that the views of these events have changed.
absl::Status NotifyChanged(platform::pg::Pool& pool,
                           absl::Span<const Heard> events);

// Says, when `tx` commits, that any view may have changed.
void NotifyAllChanged(pqxx::transaction_base& tx);

// The payloads of a notice, as many as it takes; what cannot be read means all.
std::vector<std::string> ToPayloads(const ChangeNotice& notice);
ChangeNotice ParsePayload(absl::string_view payload);

}  // namespace mypage
