// Matchers for absl::Status and absl::StatusOr.
//
//   EXPECT_THAT(order.Cancel(now), IsOk());
//   EXPECT_THAT(found, Fails(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND"));
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

#include "platform/status/error.h"

namespace test_support {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "") {
  *result_listener << StatusOf(arg) << " (" << platform::CauseOf(StatusOf(arg))
                   << ")";
  return StatusOf(arg).ok();
}

// Matches an error by its code only: for errors that carry no reason.
MATCHER_P(Fails, code, "") {
  *result_listener << StatusOf(arg);
  return StatusOf(arg).code() == code;
}

// Matches an error by what callers may rely on: its code and its reason.
MATCHER_P2(Fails, code, reason, "") {
  *result_listener << StatusOf(arg) << " with reason \""
                   << platform::ReasonOf(StatusOf(arg)) << '"';
  return StatusOf(arg).code() == code &&
         platform::ReasonOf(StatusOf(arg)) == reason;
}

}  // namespace test_support
