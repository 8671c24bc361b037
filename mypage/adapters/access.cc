#include "mypage/adapters/access.h"

namespace mypage {

using platform::auth::Scope;

platform::auth::Rules AccessRules() {
  return {
      {"GetMypage", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"ListMypages", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"WatchMypage", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
      {"WatchMypages", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
  };
}

}  // namespace mypage
