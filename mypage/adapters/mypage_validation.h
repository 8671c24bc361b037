// The field rules of every request, in one place. Each fails with
// `INVALID_ARGUMENT` / `INVALID_FIELD` and names all fields that are wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "mypage/adapters/watch_messages.h"
#include "restaurant/mypage/v1/mypage_service.pb.h"

namespace mypage {

namespace v1 = ::restaurant::mypage::v1;

// A checked GetMypage.
struct GetInput {
  std::string order_id;  // in canonical form
  int32_t min_order_version = 0;
};
absl::StatusOr<GetInput> Validate(const v1::GetMypageRequest& request);

// A checked ListMypages.
struct ListInput {
  int32_t customer_id = 0;
  std::optional<int32_t> order_state;  // the number of the wanted OrderStatus
  int page_size = 0;                   // 1 to 100
  std::string scope;                   // what page tokens are bound to
  std::string before;  // only orders with ids below; empty: from the newest
};
absl::StatusOr<ListInput> Validate(const v1::ListMypagesRequest& request);

// A checked WatchMypage or WatchMypages.
absl::StatusOr<WatchInput> Validate(const v1::WatchMypageRequest& request);
absl::StatusOr<WatchInput> Validate(const v1::WatchMypagesRequest& request);

}  // namespace mypage
