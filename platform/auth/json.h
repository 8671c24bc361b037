// What tokens and keys say, in JSON.
#pragma once

#include <string>

#include "nlohmann/json.hpp"

namespace platform::auth {

// "" if the object has no text by this name.
inline std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

}  // namespace platform::auth
