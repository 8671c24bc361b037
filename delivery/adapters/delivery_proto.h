// Delivery ↔ restaurant.delivery.v1.Delivery.
#pragma once

#include "delivery/domain/delivery.h"
#include "restaurant/delivery/v1/delivery.pb.h"

namespace delivery {

namespace v1 = ::restaurant::delivery::v1;

v1::Delivery ToProto(const DeliveryData& delivery);

}  // namespace delivery
