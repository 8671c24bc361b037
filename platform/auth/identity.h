// Who calls.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"

namespace platform::auth {

// What a verified token says of its bearer.
struct Identity {
  std::string subject;  // `sub`
  std::string role;     // `role`
  // The claims that are lists of whole numbers, by name.
  std::map<std::string, std::set<int64_t>> number_lists;
  // The token is not accepted after that; calls that last end then.
  absl::Time until = absl::InfiniteFuture();
};

}  // namespace platform::auth
