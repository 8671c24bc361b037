#include "cook/adapters/cook_validation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

#include "platform/page/page_token.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace cook {
namespace {

using platform::FieldChecks;

constexpr int32_t kMaxQty = 100;
constexpr size_t kMaxReason = 200;
// The end of the year 9999.
constexpr int64_t kMaxMicros = 253'402'300'799'999'999;

// Code points in UTF-8 text (the parser has seen to it that it is).
size_t Characters(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string CheckOrderId(FieldChecks& checks, absl::string_view order_id,
                         absl::string_view field = "order_id") {
  std::optional<std::string> id = platform::ParseUuid(order_id);
  checks.Check(id.has_value(), field, "must be a UUID");
  return std::move(id).value_or("");
}

void CheckId(FieldChecks& checks, int32_t id, absl::string_view field) {
  checks.Check(id > 0, field, "must be greater than 0");
}

void CheckIdOrNone(FieldChecks& checks, int32_t id, absl::string_view field) {
  checks.Check(id >= 0, field, "must not be negative");
}

int CheckPageSize(FieldChecks& checks, int size) {
  checks.Check(size >= 0 && size <= platform::kMaxPageSize, "page_size",
               absl::StrCat("must be 0 to ", platform::kMaxPageSize));
  return size == 0 ? platform::kDefaultPageSize : size;
}

absl::Status BadToken() {
  FieldChecks checks;
  checks.Check(false, "page_token", "was not returned by this method");
  return checks.Result();
}

Item CheckItem(FieldChecks& checks, int32_t restaurant_id, int32_t item_id) {
  CheckId(checks, restaurant_id, "restaurant_id");
  CheckId(checks, item_id, "restaurant_menu_id");
  return {.restaurant_id = restaurant_id, .restaurant_menu_id = item_id};
}

std::optional<TicketStatus> CheckStatus(FieldChecks& checks,
                                        v1::TicketStatus status) {
  switch (status) {
    case v1::TICKET_STATUS_COOKING:
      return TicketStatus::kCooking;
    case v1::TICKET_STATUS_COOKED:
      return TicketStatus::kCooked;
    case v1::TICKET_STATUS_CANCELLED:
      return TicketStatus::kCancelled;
    case v1::TICKET_STATUS_REJECTED:
      return TicketStatus::kRejected;
    default:
      checks.Check(status == v1::TICKET_STATUS_UNSPECIFIED, "status",
                   "is not a known status");
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<OrderDetails> Checked(
    const ::restaurant::order::v1::Ordered& event) {
  const auto& order = event.order();
  FieldChecks checks;
  const std::string id =
      CheckOrderId(checks, order.order_id(), "order.order_id");
  CheckId(checks, order.restaurant_id(), "order.restaurant_id");
  CheckId(checks, order.restaurant_menu_id(), "order.restaurant_menu_id");
  CheckId(checks, order.customer_id(), "order.customer_id");
  checks.Check(order.qty() >= 1 && order.qty() <= kMaxQty, "order.qty",
               "must be 1 to 100");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return OrderDetails{.order_id = id,
                      .restaurant_id = order.restaurant_id(),
                      .restaurant_menu_id = order.restaurant_menu_id(),
                      .customer_id = order.customer_id(),
                      .qty = order.qty()};
}

absl::StatusOr<CancelCommand> Checked(const v1::CancelTicketRequest& request,
                                      bool from_order_service) {
  FieldChecks checks;
  const std::string id = CheckOrderId(checks, request.order_id());
  const auto check_id = from_order_service ? CheckId : CheckIdOrNone;
  check_id(checks, request.restaurant_id(), "restaurant_id");
  check_id(checks, request.restaurant_menu_id(), "restaurant_menu_id");
  check_id(checks, request.customer_id(), "customer_id");
  const int32_t least = from_order_service ? 1 : 0;
  checks.Check(request.qty() >= least && request.qty() <= kMaxQty, "qty",
               absl::StrCat("must be ", least, " to ", kMaxQty));
  checks.Check(Characters(request.reason()) <= kMaxReason, "reason",
               "must have at most 200 characters");
  checks.Check(request.reason().find('\0') == std::string::npos, "reason",
               "must not contain the character U+0000");
  checks.Check(request.by().empty() || request.by() == kCustomer ||
                   request.by() == kOperator,
               "by", "must be customer or operator");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  // Others cannot speak for a customer.
  const bool customer = from_order_service && request.by() == kCustomer;
  return CancelCommand{
      .order = {.order_id = id,
                .restaurant_id = request.restaurant_id(),
                .restaurant_menu_id = request.restaurant_menu_id(),
                .customer_id = request.customer_id(),
                .qty = request.qty()},
      .reason = request.reason(),
      .by = std::string(customer ? kCustomer : kOperator),
      .may_make_tombstone = from_order_service};
}

absl::StatusOr<std::string> Checked(const v1::GetTicketRequest& request) {
  FieldChecks checks;
  std::string id = CheckOrderId(checks, request.order_id());
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return id;
}

absl::StatusOr<std::string> Checked(const v1::FinishCookingRequest& request) {
  FieldChecks checks;
  std::string id = CheckOrderId(checks, request.order_id());
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return id;
}

absl::StatusOr<Item> Checked(const v1::GetStockRequest& request) {
  FieldChecks checks;
  const Item item =
      CheckItem(checks, request.restaurant_id(), request.restaurant_menu_id());
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return item;
}

absl::StatusOr<Item> Checked(const v1::SetStockRequest& request) {
  FieldChecks checks;
  const Item item =
      CheckItem(checks, request.restaurant_id(), request.restaurant_menu_id());
  checks.Check(request.on_hand() >= 0 && request.on_hand() <= kMaxOnHand,
               "on_hand", absl::StrCat("must be 0 to ", kMaxOnHand));
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return item;
}

absl::StatusOr<TicketsPage> Checked(const v1::ListTicketsRequest& request) {
  FieldChecks checks;
  CheckId(checks, request.restaurant_id(), "restaurant_id");
  TicketsPage page{
      .restaurant_id = request.restaurant_id(),
      .status = CheckStatus(checks, request.status()),
      .size = CheckPageSize(checks, request.page_size()),
      .scope = absl::StrCat("ListTickets:", request.restaurant_id(), ":",
                            static_cast<int>(request.status()))};
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;

  absl::StatusOr<std::string> key =
      platform::DecodePageToken(page.scope, request.page_token());
  if (!key.ok()) return key.status();
  if (!key->empty() && !platform::ParseUuid(*key)) return BadToken();
  page.before = *std::move(key);
  return page;
}

absl::StatusOr<CancellationsPage> Checked(
    const v1::ListCancellationsRequest& request) {
  FieldChecks checks;
  CheckIdOrNone(checks, request.restaurant_id(), "restaurant_id");
  CancellationsPage page{
      .restaurant_id = request.restaurant_id(),
      .size = CheckPageSize(checks, request.page_size()),
      .scope = absl::StrCat("ListCancellations:", request.restaurant_id())};
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;

  const absl::StatusOr<std::string> key =
      platform::DecodePageToken(page.scope, request.page_token());
  if (!key.ok()) return key.status();
  if (key->empty()) return page;
  const std::vector<std::string> parts = absl::StrSplit(*key, ' ');
  int64_t micros = 0;
  // Made up, it could hold a time that Postgres cannot.
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &micros) || micros < 0 ||
      micros > kMaxMicros || !platform::ParseUuid(parts[1])) {
    return BadToken();
  }
  page.before = {.cancelled = absl::FromUnixMicros(micros),
                 .order_id = parts[1]};
  return page;
}

absl::StatusOr<StockPage> Checked(const v1::ListStockRequest& request) {
  FieldChecks checks;
  CheckId(checks, request.restaurant_id(), "restaurant_id");
  StockPage page{.restaurant_id = request.restaurant_id(),
                 .size = CheckPageSize(checks, request.page_size()),
                 .scope = absl::StrCat("ListStock:", request.restaurant_id())};
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;

  const absl::StatusOr<std::string> key =
      platform::DecodePageToken(page.scope, request.page_token());
  if (!key.ok()) return key.status();
  if (!key->empty() && !absl::SimpleAtoi(*key, &page.after)) return BadToken();
  return page;
}

std::string TokenAfter(const TicketsPage& page, const TicketData& last) {
  return platform::EncodePageToken(page.scope, last.order.order_id);
}

std::string TokenAfter(const CancellationsPage& page, const TicketData& last) {
  return platform::EncodePageToken(
      page.scope, absl::StrCat(absl::ToUnixMicros(last.modified), " ",
                               last.order.order_id));
}

std::string TokenAfter(const StockPage& page, const Stock& last) {
  return platform::EncodePageToken(
      page.scope, absl::StrCat(last.item().restaurant_menu_id));
}

}  // namespace cook
