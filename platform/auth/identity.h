// Who calls.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace platform::auth {

// What a verified token says of its bearer.
struct Identity {
  std::string subject;  // `sub`
  std::string role;     // `role`
  // The claims that are lists of whole numbers, by name.
  std::map<std::string, std::set<int64_t>> number_lists;
};

}  // namespace platform::auth
