#include "platform/uuid/uuid.h"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace platform {

std::string NewUuid(absl::Time now) {
  // From the kernel: unguessable, and no state to share between threads.
  std::array<char, 16> bytes{};
  if (getentropy(bytes.data(), bytes.size()) != 0) std::abort();
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(now));
  for (size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<char>(millis >> (40 - 8 * i));
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x70);  // version 7
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // RFC variant
  const std::string hex =
      absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
  const absl::string_view h = hex;
  return absl::StrCat(h.substr(0, 8), "-", h.substr(8, 4), "-", h.substr(12, 4),
                      "-", h.substr(16, 4), "-", h.substr(20));
}

std::optional<std::string> ParseUuid(absl::string_view text) {
  if (text.size() != 36) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-'
             : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) {
      return std::nullopt;
    }
  }
  return absl::AsciiStrToLower(text);
}

}  // namespace platform
