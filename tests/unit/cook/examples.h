// What the kitchen's unit tests are about.
#pragma once

#include "absl/time/time.h"

#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"

namespace cook {

inline const absl::Time kNoon = absl::FromUnixMicros(1'700'000'000'123'456);
inline const absl::Time kLater = kNoon + absl::Seconds(1);
inline constexpr Item kBibimbap{.restaurant_id = 1, .restaurant_menu_id = 2};

inline OrderDetails ThreePortions() {
  return {.order_id = "0190a000-0000-7000-8000-000000000001",
          .restaurant_id = 1,
          .restaurant_menu_id = 2,
          .customer_id = 3,
          .qty = 3};
}

}  // namespace cook
