#include "platform/uuid/uuid.h"

#include <array>
#include <cstdint>
#include <random>

#include "absl/strings/ascii.h"

namespace platform {
namespace {

constexpr char kHex[] = "0123456789abcdef";

constexpr bool IsDash(size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

}  // namespace

std::string NewUuid(absl::Time now) {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(now));
  // RFC 9562: 48 bits of time, version 7, 12 random, variant 10, 62 random.
  const uint64_t high = (millis << 16) | 0x7000 | (random() & uint64_t{0x0fff});
  const uint64_t low = (random() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);

  std::string text(36, '-');
  int shift = 124;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsDash(i)) continue;
    const uint64_t half = shift >= 64 ? high : low;
    text[i] = kHex[(half >> (shift % 64)) & 0xf];
    shift -= 4;
  }
  return text;
}

std::optional<std::string> ParseUuid(absl::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string lower(text);
  for (size_t i = 0; i < lower.size(); ++i) {
    if (IsDash(i)) {
      if (lower[i] != '-') return std::nullopt;
      continue;
    }
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(lower[i]))) {
      return std::nullopt;
    }
    lower[i] = absl::ascii_tolower(static_cast<unsigned char>(lower[i]));
  }
  return lower;
}

}  // namespace platform
