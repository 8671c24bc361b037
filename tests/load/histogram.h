// Latencies, in the manner of HdrHistogram (Debian has no C library of it).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace load {

// Counts values from 0 to 2^40 - 1 with a relative error below 1 %, in constant
// memory: each power of two is cut into 128 equal steps. Not thread-safe.
class Histogram {
 public:
  void Record(int64_t value) {
    const auto clamped = static_cast<uint64_t>(
        std::clamp<int64_t>(value, 0, (int64_t{1} << 40) - 1));
    ++counts_[Index(clamped)];
    ++total_;
  }

  int64_t total() const { return total_; }

  // The smallest recorded value (or the end of its step) that at least `part`
  // (0 to 1) of all values do not exceed; 0 if there are none.
  int64_t Quantile(double part) const {
    const auto wanted =
        static_cast<int64_t>(part * static_cast<double>(total_) + 0.999999);
    int64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= std::max<int64_t>(wanted, 1)) return UpperEnd(i);
    }
    return 0;
  }

 private:
  static constexpr int kBits = 7;
  static constexpr uint64_t kSteps = uint64_t{1} << kBits;

  // Values below kSteps have a step of their own; above, `shift` halves them
  // until kSteps <= value < 2 * kSteps.
  static size_t Index(uint64_t value) {
    if (value < kSteps) return static_cast<size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - kBits - 1;
    return static_cast<size_t>((static_cast<uint64_t>(shift) << kBits) +
                               (value >> shift));
  }
  static int64_t UpperEnd(size_t index) {
    if (index < 2 * kSteps) return static_cast<int64_t>(index);
    const uint64_t shift = (index >> kBits) - 1;
    const uint64_t step = index - (shift << kBits);
    return static_cast<int64_t>(((step + 1) << shift) - 1);
  }

  std::array<int64_t, (40 - kBits + 1) * kSteps> counts_{};
  int64_t total_ = 0;
};

}  // namespace load
