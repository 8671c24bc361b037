#include "platform/pg/time.h"

namespace platform::pg {

std::string ToSql(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E6S+00", time, absl::UTCTimeZone());
}

}  // namespace platform::pg
