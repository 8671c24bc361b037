#include "platform/trace/trace_context.h"

#include <cstdint>
#include <random>

#include "absl/strings/str_cat.h"

namespace platform {
namespace {

// Eight random bytes, never all zero, as hex.
std::string RandomHex() {
  thread_local std::mt19937_64 random{(uint64_t{std::random_device{}()} << 32) ^
                                      std::random_device{}()};
  uint64_t value = 0;
  while (value == 0) value = random();
  return absl::StrCat(absl::Hex(value, absl::kZeroPad16));
}

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

// True if `text` is lower-case hex and not all zeros.
bool IsId(absl::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

// A later version may append fields; the first one has exactly four.
bool IsWellFormed(absl::string_view header) {
  if (header.size() < 55 || header[2] != '-' || header[35] != '-' ||
      header[52] != '-') {
    return false;
  }
  const absl::string_view version = header.substr(0, 2);
  if (!IsHex(version) || version == "ff") return false;
  if (version == "00" ? header.size() != 55
                      : header.size() > 55 && header[55] != '-') {
    return false;
  }
  return IsId(header.substr(3, 32)) && IsId(header.substr(36, 16)) &&
         IsHex(header.substr(53, 2));
}

}  // namespace

std::string TraceContext::Traceparent() const {
  return absl::StrCat("00-", trace_id, "-", span_id, sampled ? "-01" : "-00");
}

TraceContext ContinueTrace(absl::string_view traceparent) {
  if (!IsWellFormed(traceparent)) {
    return {.trace_id = absl::StrCat(RandomHex(), RandomHex()),
            .span_id = RandomHex()};
  }
  // The lowest bit of the flags, i.e. of their last hex digit.
  const char flags = traceparent[54];
  const int digit = flags <= '9' ? flags - '0' : flags - 'a' + 10;
  return {.trace_id = std::string(traceparent.substr(3, 32)),
          .span_id = RandomHex(),
          .sampled = (digit & 1) != 0};
}

absl::string_view TraceIdOf(absl::string_view traceparent) {
  return IsWellFormed(traceparent) ? traceparent.substr(3, 32)
                                   : absl::string_view();
}

}  // namespace platform
