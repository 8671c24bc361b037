#include "delivery/adapters/delivery_proto.h"

#include "platform/grpc/time.h"

namespace delivery {
namespace {

v1::DeliveryStatus ToProto(DeliveryStatus status) {
  switch (status) {
    case DeliveryStatus::kStarted:
      return v1::DELIVERY_STATUS_STARTED;
    case DeliveryStatus::kDelivered:
      return v1::DELIVERY_STATUS_DELIVERED;
  }
  return v1::DELIVERY_STATUS_UNSPECIFIED;
}

}  // namespace

v1::Delivery ToProto(const DeliveryData& delivery) {
  v1::Delivery proto;
  proto.set_order_id(delivery.parcel.order_id);
  proto.set_restaurant_id(delivery.parcel.restaurant_id);
  proto.set_restaurant_menu_id(delivery.parcel.restaurant_menu_id);
  proto.set_customer_id(delivery.parcel.customer_id);
  proto.set_qty(delivery.parcel.qty);
  proto.set_status(ToProto(delivery.status));
  proto.set_version(delivery.version);
  *proto.mutable_create_date() = platform::rpc::ToProto(delivery.created);
  *proto.mutable_modified_date() = platform::rpc::ToProto(delivery.modified);
  return proto;
}

}  // namespace delivery
