// The field rules of every request, in one place. Each fails with
// `INVALID_ARGUMENT` / `INVALID_FIELD` and names all fields that are wrong.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "order/domain/order.h"
#include "restaurant/order/v1/order_service.pb.h"

namespace order {

namespace v1 = ::restaurant::order::v1;

// A checked PlaceOrder.
struct PlaceInput {
  Order::Wish wish;
  std::string request_id;  // empty: no key
};
// `idempotency_keys` are the values of the metadata of that name.
absl::StatusOr<PlaceInput> Validate(
    const v1::PlaceOrderRequest& request,
    absl::Span<const std::string> idempotency_keys);

// The checked order id, in canonical form.
absl::StatusOr<std::string> Validate(const v1::GetOrderRequest& request);

// A checked ListOrders.
struct ListInput {
  int32_t customer_id = 0;
  std::optional<OrderStatus> status;
  int page_size = 0;   // 1 to 100
  std::string scope;   // what page tokens are bound to
  std::string before;  // only orders with ids below; empty: from the newest
};
absl::StatusOr<ListInput> Validate(const v1::ListOrdersRequest& request);

// A checked CancelOrder.
struct CancelInput {
  std::string order_id;
  std::string reason;
};
absl::StatusOr<CancelInput> Validate(const v1::CancelOrderRequest& request);

}  // namespace order
