// Order ↔ restaurant.order.v1.Order.
#pragma once

#include "order/domain/order.h"
#include "restaurant/order/v1/order.pb.h"

namespace order {

namespace v1 = ::restaurant::order::v1;

v1::OrderStatus ToProto(OrderStatus status);
void ToProto(const OrderState& order, v1::Order* proto);

// `status` must be one of those that an order can have.
OrderStatus FromProto(v1::OrderStatus status);

}  // namespace order
