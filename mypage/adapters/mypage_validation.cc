#include "mypage/adapters/mypage_validation.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "platform/page/page_token.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"

namespace mypage {
namespace {

using platform::FieldChecks;

// An order does not change more often than that.
constexpr int kMaxVersion = 1000;

}  // namespace

absl::StatusOr<GetInput> Validate(const v1::GetMypageRequest& request) {
  FieldChecks checks;
  std::optional<std::string> id = platform::ParseUuid(request.order_id());
  checks.Check(id.has_value(), "order_id", "must be a UUID");
  checks.Check(request.min_order_version() >= 0 &&
                   request.min_order_version() <= kMaxVersion,
               "min_order_version", "must be 0 to 1000");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return GetInput{*std::move(id), request.min_order_version()};
}

absl::StatusOr<ListInput> Validate(const v1::ListMypagesRequest& request) {
  namespace order_v1 = ::restaurant::order::v1;
  FieldChecks checks;
  checks.Check(request.customer_id() > 0, "customer_id",
               "must be greater than 0");
  checks.Check(order_v1::OrderStatus_IsValid(request.order_status()),
               "order_status", "must be one of the enum's values");
  checks.Check(
      request.page_size() >= 0 && request.page_size() <= platform::kMaxPageSize,
      "page_size", "must be 0 to 100");

  ListInput input;
  input.scope = absl::StrCat("ListMypages/", request.customer_id(), "/",
                             static_cast<int>(request.order_status()));
  absl::StatusOr<std::string> key =
      platform::DecodePageToken(input.scope, request.page_token());
  checks.Check(key.ok() && (key->empty() || platform::ParseUuid(*key)),
               "page_token",
               "must be a next_page_token of this list with this filter");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;

  input.customer_id = request.customer_id();
  if (request.order_status() != order_v1::ORDER_STATUS_UNSPECIFIED) {
    input.order_state = static_cast<int32_t>(request.order_status());
  }
  input.page_size = request.page_size() == 0 ? platform::kDefaultPageSize
                                             : request.page_size();
  input.before = *std::move(key);
  return input;
}

absl::StatusOr<WatchInput> Validate(const v1::WatchMypageRequest& request) {
  FieldChecks checks;
  std::optional<std::string> id = platform::ParseUuid(request.order_id());
  checks.Check(id.has_value(), "order_id", "must be a UUID");
  checks.Check(
      request.after_version() >= 0 && request.after_version() <= kMaxVersion,
      "after_version", "must be 0 to 1000");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  WatchInput input{.key = {.order_id = *id}, .have = std::nullopt};
  if (request.after_version() > 0) {
    input.have = {{*id, request.after_version()}};
  }
  return input;
}

absl::StatusOr<WatchInput> Validate(const v1::WatchMypagesRequest& request) {
  FieldChecks checks;
  checks.Check(request.customer_id() > 0, "customer_id",
               "must be greater than 0");
  checks.Check(
      request.page_size() >= 0 && request.page_size() <= platform::kMaxPageSize,
      "page_size", "must be 0 to 100");
  WatchInput input{
      .key = {.order_id = "",
              .customer_id = request.customer_id(),
              .page_size = request.page_size() == 0 ? platform::kDefaultPageSize
                                                    : request.page_size()},
      .have = std::nullopt};
  if (!request.resume_token().empty()) {
    absl::StatusOr<WatchState::Versions> have =
        ParseResumeToken(input.key, request.resume_token());
    checks.Check(have.ok(), "resume_token",
                 "must be a resume_token of this list with this page size");
    if (have.ok()) input.have = *std::move(have);
  }
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return input;
}

}  // namespace mypage
