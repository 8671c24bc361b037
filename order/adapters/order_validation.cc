#include "order/adapters/order_validation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "order/adapters/order_proto.h"
#include "platform/page/page_token.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"

namespace order {
namespace {

using platform::FieldChecks;

constexpr int kMaxQty = 100;
constexpr size_t kMaxRequestId = 64;
constexpr size_t kMaxReason = 200;

constexpr absl::string_view kPositive = "must be greater than 0";

bool IsRequestId(absl::string_view text) {
  return text.size() <= kMaxRequestId &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' ||
                  c == ':';
         });
}

// Characters, not bytes: protobuf has made sure that it is UTF-8.
size_t Characters(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void CheckReason(FieldChecks& checks, absl::string_view reason) {
  checks.Check(Characters(reason) <= kMaxReason, "reason",
               "must be at most 200 characters");
  // Postgres cannot keep it in a text.
  checks.Check(reason.find('\0') == absl::string_view::npos, "reason",
               "must not contain U+0000");
}

// Returns the canonical id, or "" and the violation noted.
std::string CheckOrderId(FieldChecks& checks, absl::string_view id) {
  std::optional<std::string> parsed = platform::ParseUuid(id);
  checks.Check(parsed.has_value(), "order_id", "must be a UUID");
  return parsed.value_or("");
}

}  // namespace

absl::StatusOr<PlaceInput> Validate(
    const v1::PlaceOrderRequest& request,
    absl::Span<const std::string> idempotency_keys) {
  FieldChecks checks;
  absl::string_view key = request.request_id();
  // Whoever sends an empty one means to be safe, and would not be.
  bool good = IsRequestId(key);
  for (const std::string& given : idempotency_keys) {
    checks.Check(key.empty() || key == given, "request_id",
                 "must be the same wherever it is given");
    good = good && !given.empty() && IsRequestId(given);
    key = given;
  }
  checks.Check(good, "request_id",
               "must be 1 to 64 characters of A-Z a-z 0-9 - _ . :");
  checks.Check(request.customer_id() > 0, "customer_id", kPositive);
  checks.Check(request.restaurant_id() > 0, "restaurant_id", kPositive);
  checks.Check(request.restaurant_menu_id() > 0, "restaurant_menu_id",
               kPositive);
  checks.Check(request.qty() >= 1 && request.qty() <= kMaxQty, "qty",
               "must be 1 to 100");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return PlaceInput{{request.customer_id(), request.restaurant_id(),
                     request.restaurant_menu_id(), request.qty()},
                    std::string(key)};
}

absl::StatusOr<std::string> Validate(const v1::GetOrderRequest& request) {
  FieldChecks checks;
  std::string id = CheckOrderId(checks, request.order_id());
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return id;
}

absl::StatusOr<ListInput> Validate(const v1::ListOrdersRequest& request) {
  FieldChecks checks;
  checks.Check(request.customer_id() > 0, "customer_id", kPositive);
  checks.Check(v1::OrderStatus_IsValid(request.status()), "status",
               "must be one of the enum's values");
  checks.Check(
      request.page_size() >= 0 && request.page_size() <= platform::kMaxPageSize,
      "page_size", "must be 0 to 100");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;

  ListInput input;
  input.customer_id = request.customer_id();
  if (request.status() != v1::ORDER_STATUS_UNSPECIFIED) {
    input.status = FromProto(request.status());
  }
  input.page_size = request.page_size() == 0 ? platform::kDefaultPageSize
                                             : request.page_size();
  input.scope = absl::StrCat("ListOrders/", request.customer_id(), "/",
                             static_cast<int>(request.status()));
  absl::StatusOr<std::string> key =
      platform::DecodePageToken(input.scope, request.page_token());
  if (!key.ok()) return key.status();
  checks.Check(key->empty() || platform::ParseUuid(*key).has_value(),
               "page_token", "must be a token that this method returned");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  input.before = *std::move(key);
  return input;
}

absl::StatusOr<CancelInput> Validate(const v1::CancelOrderRequest& request) {
  FieldChecks checks;
  CancelInput input;
  input.order_id = CheckOrderId(checks, request.order_id());
  CheckReason(checks, request.reason());
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  input.reason = request.reason();
  return input;
}

}  // namespace order
