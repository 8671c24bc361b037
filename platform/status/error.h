// Errors with a reason.
//
// An `absl::Status` says how bad it is (the code) and tells a person what went
// wrong (the message). A program that has to react needs one more word: the
// reason, which travels as a `google.rpc.ErrorInfo` payload, so that the gRPC
// edge can forward it without knowing what it means. This header needs no
// protobuf: domain code may include it.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace platform {

// The `domain` of every ErrorInfo that this product sends. Reasons are unique
// within it.
inline constexpr absl::string_view kErrorDomain = "restaurant";

// Returns a status with a machine-readable `reason` (UPPER_SNAKE_CASE) and the
// values that went into `message` as `details` (the ErrorInfo's metadata).
// `code` must not be OK.
absl::Status Error(
    absl::StatusCode code, absl::string_view reason, absl::string_view message,
    std::initializer_list<std::pair<absl::string_view, absl::string_view>>
        details = {});

// Returns the reason given to `Error()`, or "" if there was none.
std::string ReasonOf(const absl::Status& status);

// Returns the value of `key` among the details given to `Error()`, or "".
std::string DetailOf(const absl::Status& status, absl::string_view key);

// Returns `status` with a `google.rpc.RetryInfo`: come back after `delay`.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);

// Returns the delay given to `WithRetryAfter()`, if any.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

// Returns `status` with what was behind it, for the log: it never leaves the
// process. `cause` must hold no secret.
absl::Status WithCause(absl::Status status, absl::string_view cause);

// Returns the cause given to `WithCause()`, or "".
std::string CauseOf(const absl::Status& status);

// For a log line: the cause, or the message of a status that has none.
std::string CauseOrMessageOf(const absl::Status& status);

// "I have too much to do": `RESOURCE_EXHAUSTED` / `OVERLOADED` with a jittered
// time (1 s to 3 s) to come back, so that those who are refused together do not
// return together. `what` names the queue that was full, for the message.
absl::Status Overloaded(absl::string_view what);

// "My database is away": `UNAVAILABLE` / `DATABASE_UNAVAILABLE`, likewise with
// a jittered time to come back and `WithCause(cause)`.
absl::Status DatabaseUnavailable(absl::string_view cause);

// For a failure after which it may have been done all the same: what would say
// that nothing was (`RESOURCE_EXHAUSTED`, `ABORTED`) becomes
// DatabaseUnavailable(); all else stays as it is.
absl::Status InDoubt(const absl::Status& status);

// Checks the fields of one request and reports every bad one, not just the
// first.
//
//   FieldChecks checks;
//   checks.Check(qty >= 1 && qty <= 100, "qty", "must be 1 to 100");
//   if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
class FieldChecks {
 public:
  // Notes that `field` (its path in the request) breaks the rule
  // `description` unless `ok`.
  void Check(bool ok, absl::string_view field, absl::string_view description);

  // OK if every check held. Otherwise `INVALID_ARGUMENT` / `INVALID_FIELD`
  // with a `google.rpc.BadRequest` that names the fields.
  absl::Status Result() const;

 private:
  std::vector<std::pair<std::string, std::string>> violations_;
};

}  // namespace platform
