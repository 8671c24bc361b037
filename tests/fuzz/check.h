// What the fuzz targets share: a claim that ends the process if it is false.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"

#include "platform/status/error.h"

namespace fuzz {

inline void Claim(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "claim broken: %s\n", what.c_str());
  std::abort();
}

// Bad input is INVALID_ARGUMENT that names a field, and nothing else.
inline void ClaimBadInput(const absl::Status& status) {
  Claim(absl::IsInvalidArgument(status), status.ToString());
  Claim(platform::ReasonOf(status) == "INVALID_FIELD", status.ToString());
}

}  // namespace fuzz
