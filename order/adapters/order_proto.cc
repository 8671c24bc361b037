#include "order/adapters/order_proto.h"

#include "platform/grpc/time.h"

namespace order {

v1::OrderStatus ToProto(OrderStatus status) {
  switch (status) {
    case OrderStatus::kOrdered:
      return v1::ORDER_STATUS_ORDERED;
    case OrderStatus::kCompleted:
      return v1::ORDER_STATUS_COMPLETED;
    case OrderStatus::kRejected:
      return v1::ORDER_STATUS_REJECTED;
    case OrderStatus::kCancelled:
      return v1::ORDER_STATUS_CANCELLED;
    case OrderStatus::kCancelPending:
      return v1::ORDER_STATUS_CANCEL_PENDING;
  }
  return v1::ORDER_STATUS_UNSPECIFIED;
}

OrderStatus FromProto(v1::OrderStatus status) {
  switch (status) {
    case v1::ORDER_STATUS_COMPLETED:
      return OrderStatus::kCompleted;
    case v1::ORDER_STATUS_REJECTED:
      return OrderStatus::kRejected;
    case v1::ORDER_STATUS_CANCELLED:
      return OrderStatus::kCancelled;
    case v1::ORDER_STATUS_CANCEL_PENDING:
      return OrderStatus::kCancelPending;
    default:
      return OrderStatus::kOrdered;
  }
}

void ToProto(const OrderState& order, v1::Order* proto) {
  proto->set_order_id(order.id);
  proto->set_customer_id(order.customer_id);
  proto->set_restaurant_id(order.restaurant_id);
  proto->set_restaurant_menu_id(order.restaurant_menu_id);
  proto->set_qty(order.qty);
  proto->set_status(ToProto(order.status));
  proto->set_version(order.version);
  *proto->mutable_create_date() = platform::rpc::ToProto(order.created);
  *proto->mutable_modified_date() = platform::rpc::ToProto(order.modified);
  proto->set_reason(order.reason);
}

}  // namespace order
