// Headers: each line `name: value` is a header of an event, and each value a
// traceparent.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

#include "platform/events/wire.h"
#include "platform/trace/trace_context.h"
#include "platform/uuid/uuid.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::Claim;

bool IsHex(const std::string& text, size_t size) {
  if (text.size() != size) return false;
  for (const char c : text) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) ||
        absl::ascii_isupper(static_cast<unsigned char>(c))) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  platform::events::InMessage in;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<std::string, std::string> header =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    const platform::TraceContext trace = platform::ContinueTrace(header.second);
    Claim(IsHex(trace.trace_id, 32) && IsHex(trace.span_id, 16), "trace");
    in.headers.push_back(header);
  }
  const auto message = platform::events::ParseMessage(in);
  if (!message.ok()) {
    Claim(absl::IsInvalidArgument(message.status()), "code");
    return 0;
  }
  Claim(platform::ParseUuid(message->event_id) == message->event_id, "ce-id");
  Claim(message->version >= 1, "version");
  Claim(!message->type.empty(), "ce-type");
  return 0;
}
