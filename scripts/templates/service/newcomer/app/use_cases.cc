#include "newcomer/app/use_cases.h"

#include <utility>

namespace newcomer {

void Hear(HeardOrderStore& store, std::vector<HeardOrder> heard) {
  const std::vector<HeardOrder> latest = LatestOfEach(std::move(heard));
  if (!latest.empty()) store.KeepLatest(latest);
}

}  // namespace newcomer
