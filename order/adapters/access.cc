#include "order/adapters/access.h"

namespace order {

using platform::auth::Scope;

platform::auth::Rules AccessRules() {
  return {
      {"PlaceOrder", {{"customer", Scope::kOwn}}},
      {"GetOrder", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"ListOrders", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"CancelOrder", {{"customer", Scope::kOwn}}},
  };
}

}  // namespace order
