// One function for each thing that this service does. Pure.
#pragma once

#include <vector>

#include "newcomer/app/heard_order_store.h"
#include "newcomer/domain/heard_order.h"

namespace newcomer {

// Takes in what a batch of events tells.
void Hear(HeardOrderStore& store, std::vector<HeardOrder> heard);

}  // namespace newcomer
