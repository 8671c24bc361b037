#include "delivery/adapters/access.h"

namespace delivery {

using platform::auth::Scope;

platform::auth::Rules AccessRules() {
  return {
      {"GetDelivery", {{"courier", Scope::kAll}, {"operator", Scope::kAll}}},
      {"ListDeliveries", {{"courier", Scope::kAll}, {"operator", Scope::kAll}}},
      {"CompleteDelivery", {{"courier", Scope::kAll}}},
  };
}

}  // namespace delivery
