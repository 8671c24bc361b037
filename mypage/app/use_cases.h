// What mypage does with what it hears. Pure.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "mypage/app/mypage_store.h"
#include "mypage/domain/mypage_view.h"

namespace mypage {

// Adds events, of any orders, in any order, heard before or not, to their
// views.
absl::Status ApplyEvents(MypageStore& store, absl::Span<const Heard> events);

// Adds to the stored views what they lack of `older`: entries of events that
// nobody will tell again.
absl::Status KeepEntries(MypageStore& store,
                         absl::Span<const MypageView> older);

}  // namespace mypage
