// All field rules of this service, in one place. What they are is said in
// proto/restaurant/delivery/v1; what breaks one is `INVALID_ARGUMENT` /
// `INVALID_FIELD` and names the field.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "delivery/domain/delivery.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_service.pb.h"

namespace delivery {

namespace v1 = ::restaurant::delivery::v1;

// A page that was asked for.
struct DeliveriesPage {
  std::optional<DeliveryStatus> status;  // any, unless set
  std::string before{};                  // order id; empty for the first page
  int size = 0;                          // 1 to 100
  std::string scope;                     // of its page tokens
};

// Each checks one message and returns what it says; ids in canonical form.
absl::StatusOr<Parcel> Checked(const ::restaurant::cook::v1::Cooked& event);
absl::StatusOr<std::string> Checked(const v1::GetDeliveryRequest& request);
absl::StatusOr<std::string> Checked(const v1::CompleteDeliveryRequest& request);
absl::StatusOr<DeliveriesPage> Checked(
    const v1::ListDeliveriesRequest& request);

// The token for the page after `page`, whose last row is `last`.
std::string TokenAfter(const DeliveriesPage& page, const DeliveryData& last);

}  // namespace delivery
