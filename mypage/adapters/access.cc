#include "mypage/adapters/access.h"

namespace mypage {

using platform::auth::Scope;

platform::auth::Rules AccessRules() {
  return {
      {"GetMypage", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"ListMypages", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
  };
}

}  // namespace mypage
