// How an order stands, as far as its events tell. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace newcomer {

// What one event tells about an order.
struct HeardOrder {
  std::string order_id;
  int32_t customer_id = 0;
  std::string status;   // the order's own word, e.g. ORDERED
  int32_t version = 0;  // of the order; the higher one is the later one
  absl::Time changed;   // when the order became so

  friend bool operator==(const HeardOrder&, const HeardOrder&) = default;
};

// Of several tellings, in any order and repeated, the latest of each order; by
// order id, so that whoever locks rows locks them in one order.
std::vector<HeardOrder> LatestOfEach(std::vector<HeardOrder> heard);

}  // namespace newcomer
