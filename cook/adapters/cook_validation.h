// All field rules of this service, in one place. What they are is said in
// proto/restaurant/cook/v1; what breaks one is `INVALID_ARGUMENT` /
// `INVALID_FIELD` and names the field.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "cook/adapters/pg_ticket_queries.h"
#include "cook/app/use_cases.h"
#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "restaurant/cook/v1/cook_service.pb.h"

namespace restaurant::order::v1 {
class Ordered;
}

namespace cook {

namespace v1 = ::restaurant::cook::v1;

// Pages that were asked for.
struct TicketsPage {
  int32_t restaurant_id = 0;
  std::optional<TicketStatus> status;
  std::string before{};  // order id; empty for the first page
  int size = 0;
  std::string scope;  // of its page tokens
};
struct CancellationsPage {
  int32_t restaurant_id = 0;  // 0: any
  std::optional<CancellationKey> before{};
  int size = 0;
  std::string scope;
};
struct StockPage {
  int32_t restaurant_id = 0;
  int32_t after = 0;  // menu item; 0 for the first page
  int size = 0;
  std::string scope;
};

// Each checks one request and returns what it says.
absl::StatusOr<OrderDetails> Checked(
    const ::restaurant::order::v1::Ordered& event);
// `from_order_service`: whether the caller is the order service, who must say
// everything about the order and may make tombstones; anybody else is an
// operator.
absl::StatusOr<CancelCommand> Checked(const v1::CancelTicketRequest& request,
                                      bool from_order_service);
absl::StatusOr<std::string> Checked(const v1::GetTicketRequest& request);
absl::StatusOr<std::string> Checked(const v1::FinishCookingRequest& request);
absl::StatusOr<Item> Checked(const v1::GetStockRequest& request);
absl::StatusOr<Item> Checked(const v1::SetStockRequest& request);
absl::StatusOr<TicketsPage> Checked(const v1::ListTicketsRequest& request);
absl::StatusOr<CancellationsPage> Checked(
    const v1::ListCancellationsRequest& request);
absl::StatusOr<StockPage> Checked(const v1::ListStockRequest& request);

// The token for the page after the one that ended with the given row.
std::string TokenAfter(const TicketsPage& page, const TicketData& last);
std::string TokenAfter(const CancellationsPage& page, const TicketData& last);
std::string TokenAfter(const StockPage& page, const Stock& last);

}  // namespace cook
