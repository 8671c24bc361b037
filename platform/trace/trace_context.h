// W3C trace context: https://www.w3.org/TR/trace-context/.
//
// One trace id follows an order from the HTTP request through gRPC, outbox and
// events into every service; it is in every log line.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace platform {

struct TraceContext {
  std::string trace_id;  // 32 lower-case hex digits
  std::string span_id;   // 16 lower-case hex digits
  bool sampled = true;

  // The header: `00-<trace_id>-<span_id>-01`.
  std::string Traceparent() const;
};

// Continues the trace of `traceparent` with a new span; starts a new trace if
// it is empty or malformed. Thread-safe.
TraceContext ContinueTrace(absl::string_view traceparent);

// The trace id inside `traceparent`, for a log line; "" if it is empty or
// malformed.
absl::string_view TraceIdOf(absl::string_view traceparent);

}  // namespace platform
