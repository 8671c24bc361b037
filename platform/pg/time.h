// Times in SQL: RFC 3339 text in, microseconds out.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace platform::pg {

// As a `timestamptz` parameter.
std::string ToSql(absl::Time time);

// From `(extract(epoch FROM column) * 1000000)::bigint`.
inline absl::Time FromMicros(int64_t micros) {
  return absl::FromUnixMicros(micros);
}

}  // namespace platform::pg
