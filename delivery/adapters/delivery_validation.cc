#include "delivery/adapters/delivery_validation.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "platform/page/page_token.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"

namespace delivery {
namespace {

using platform::FieldChecks;

constexpr int32_t kMaxQty = 100;

std::string CheckOrderId(FieldChecks& checks, absl::string_view order_id,
                         absl::string_view field = "order_id") {
  std::optional<std::string> id = platform::ParseUuid(order_id);
  checks.Check(id.has_value(), field, "must be a UUID");
  return std::move(id).value_or("");
}

absl::StatusOr<std::string> CheckedOrderId(absl::string_view order_id) {
  FieldChecks checks;
  std::string id = CheckOrderId(checks, order_id);
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return id;
}

std::optional<DeliveryStatus> CheckStatus(FieldChecks& checks,
                                          v1::DeliveryStatus status) {
  switch (status) {
    case v1::DELIVERY_STATUS_STARTED:
      return DeliveryStatus::kStarted;
    case v1::DELIVERY_STATUS_DELIVERED:
      return DeliveryStatus::kDelivered;
    default:
      // proto3 lets unknown numbers through.
      checks.Check(status == v1::DELIVERY_STATUS_UNSPECIFIED, "status",
                   "is not a known status");
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<Parcel> Checked(const ::restaurant::cook::v1::Cooked& event) {
  const auto& ticket = event.ticket();
  FieldChecks checks;
  Parcel parcel{
      .order_id = CheckOrderId(checks, ticket.order_id(), "ticket.order_id"),
      .restaurant_id = ticket.restaurant_id(),
      .restaurant_menu_id = ticket.restaurant_menu_id(),
      .customer_id = ticket.customer_id(),
      .qty = ticket.qty()};
  checks.Check(parcel.restaurant_id > 0, "ticket.restaurant_id",
               "must be greater than 0");
  checks.Check(parcel.restaurant_menu_id > 0, "ticket.restaurant_menu_id",
               "must be greater than 0");
  checks.Check(parcel.customer_id > 0, "ticket.customer_id",
               "must be greater than 0");
  checks.Check(parcel.qty >= 1 && parcel.qty <= kMaxQty, "ticket.qty",
               "must be 1 to 100");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return parcel;
}

absl::StatusOr<std::string> Checked(const v1::GetDeliveryRequest& request) {
  return CheckedOrderId(request.order_id());
}

absl::StatusOr<std::string> Checked(
    const v1::CompleteDeliveryRequest& request) {
  return CheckedOrderId(request.order_id());
}

absl::StatusOr<DeliveriesPage> Checked(
    const v1::ListDeliveriesRequest& request) {
  FieldChecks checks;
  const int size = request.page_size();
  DeliveriesPage page{
      .status = CheckStatus(checks, request.status()),
      .size = size == 0 ? platform::kDefaultPageSize : size,
      .scope =
          absl::StrCat("ListDeliveries:", static_cast<int>(request.status()))};
  checks.Check(size >= 0 && size <= platform::kMaxPageSize, "page_size",
               absl::StrCat("must be 0 to ", platform::kMaxPageSize));
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;

  absl::StatusOr<std::string> key =
      platform::DecodePageToken(page.scope, request.page_token());
  if (!key.ok()) return key.status();
  // Tokens are sealed, not signed: one that somebody made up ends here.
  checks.Check(key->empty() || platform::ParseUuid(*key).has_value(),
               "page_token", "was not returned by this method");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  page.before = *std::move(key);
  return page;
}

std::string TokenAfter(const DeliveriesPage& page, const DeliveryData& last) {
  return platform::EncodePageToken(page.scope, last.parcel.order_id);
}

}  // namespace delivery
