#include "platform/trace/trace_context.h"

#include <cstdint>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace platform {
namespace {

uint64_t Random() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return random() | 1;  // all zero is not an id
}

std::string Hex16(uint64_t value) {
  return absl::StrCat(absl::Hex(value, absl::kZeroPad16));
}

// Lower-case hex, not all zero.
bool IsId(absl::string_view text) {
  bool zero = true;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c)) &&
        (c < 'a' || c > 'f')) {
      return false;
    }
    zero = zero && c == '0';
  }
  return !zero;
}

}  // namespace

std::string TraceContext::Traceparent() const {
  return absl::StrCat("00-", trace_id, "-", span_id, sampled ? "-01" : "-00");
}

TraceContext ContinueTrace(absl::string_view traceparent) {
  TraceContext trace{
      .trace_id = "", .span_id = Hex16(Random()), .sampled = true};
  // version(2)-trace(32)-parent(16)-flags(2); later versions may append.
  if (traceparent.size() >= 55 && traceparent.substr(0, 2) != "ff" &&
      (traceparent.size() == 55 || traceparent.substr(0, 2) != "00") &&
      traceparent[2] == '-' && traceparent[35] == '-' &&
      traceparent[52] == '-' && IsId(traceparent.substr(3, 32)) &&
      IsId(traceparent.substr(36, 16))) {
    trace.trace_id = std::string(traceparent.substr(3, 32));
    trace.sampled = (traceparent[54] & 1) != 0;
    return trace;
  }
  trace.trace_id = absl::StrCat(Hex16(Random()), Hex16(Random()));
  return trace;
}

}  // namespace platform
