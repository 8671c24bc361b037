#include "platform/thread/adaptive_limit.h"

#include <algorithm>

namespace platform {

void AdaptiveLimit::Begun(absl::Duration wait, absl::Time now) {
  shortest_ = std::min(shortest_, wait);
  if (now < interval_ends_) return;
  if (shortest_ > options_.target) {
    limit_ = std::max(options_.least, limit_ - limit_ / 5);
  } else {
    // Intervals of silence went by like this one.
    const double intervals = std::min(
        1 + absl::FDivDuration(now - interval_ends_, options_.interval),
        static_cast<double>(options_.most));
    limit_ = std::min(options_.most,
                      limit_ + static_cast<size_t>(intervals) *
                                   std::max<size_t>(1, options_.most / 20));
  }
  shortest_ = absl::InfiniteDuration();
  interval_ends_ = now + options_.interval;
}

}  // namespace platform
