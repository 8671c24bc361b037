// Where chance comes from, so that it can be repeated and reduced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace simulator {

// A source of choices that writes down what it chose. 0 is always the calm
// choice: no fault, no delay. A run is a function of its choices, so the same
// ones are the same run, and fewer that are not 0 are a simpler one.
class Choices {
 public:
  explicit Choices(uint64_t seed) : state_(seed) {}
  // Repeats `recorded`; calm when it is used up.
  explicit Choices(std::vector<uint32_t> recorded)
      : recorded_(std::move(recorded)), replaying_(true) {}

  // 0 to `count` - 1, `count` > 0.
  uint32_t Choose(uint32_t count) {
    if (replaying_) {
      if (next_ >= recorded_.size()) return 0;
      return recorded_[next_++] % count;
    }
    const auto choice = static_cast<uint32_t>(((Random() >> 32) * count) >> 32);
    recorded_.push_back(choice);
    return choice;
  }

  const std::vector<uint32_t>& recorded() const { return recorded_; }

 private:
  // splitmix64
  uint64_t Random() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_ = 0;
  std::vector<uint32_t> recorded_;
  size_t next_ = 0;
  bool replaying_ = false;
};

}  // namespace simulator
