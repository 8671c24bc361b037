#include "newcomer/domain/heard_order.h"

#include <utility>

#include "absl/container/btree_map.h"

namespace newcomer {

std::vector<HeardOrder> LatestOfEach(std::vector<HeardOrder> heard) {
  absl::btree_map<std::string, HeardOrder> latest;
  for (HeardOrder& order : heard) {
    HeardOrder& known = latest[order.order_id];
    if (known.version < order.version) known = std::move(order);
  }
  std::vector<HeardOrder> orders;
  orders.reserve(latest.size());
  for (auto& [id, order] : latest) orders.push_back(std::move(order));
  return orders;
}

}  // namespace newcomer
