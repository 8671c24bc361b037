#include "platform/status/error.h"

#include <random>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/rpc/error_details.pb.h"

namespace platform {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequestUrl[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";
// Not a type URL that leaves the process: rpc::ToGrpcStatus() forwards only
// those of type.googleapis.com.
constexpr char kCauseUrl[] = "internal/cause";

template <typename Message>
std::optional<Message> Payload(const absl::Status& status,
                               absl::string_view url) {
  const auto payload = status.GetPayload(url);
  Message message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) {
    return std::nullopt;
  }
  return message;
}

void SetPayload(absl::Status& status, absl::string_view url,
                const google::protobuf::MessageLite& message) {
  status.SetPayload(url, absl::Cord(message.SerializeAsString()));
}

// 1 s to 3 s.
absl::Duration Jittered() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return absl::Milliseconds(
      std::uniform_int_distribution<int>(1000, 3000)(random));
}

}  // namespace

absl::Status Error(
    absl::StatusCode code, absl::string_view reason, absl::string_view message,
    std::initializer_list<std::pair<absl::string_view, absl::string_view>>
        details) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [key, value] : details) {
    (*info.mutable_metadata())[std::string(key)] = std::string(value);
  }
  absl::Status status(code, message);
  SetPayload(status, kErrorInfoUrl, info);
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto info = Payload<google::rpc::ErrorInfo>(status, kErrorInfoUrl);
  return info.has_value() ? info->reason() : "";
}

std::string DetailOf(const absl::Status& status, absl::string_view key) {
  const auto info = Payload<google::rpc::ErrorInfo>(status, kErrorInfoUrl);
  if (!info.has_value()) return "";
  const auto found = info->metadata().find(std::string(key));
  return found == info->metadata().end() ? "" : found->second;
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo retry;
  const int64_t nanos = absl::ToInt64Nanoseconds(delay);
  retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
  retry.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(nanos % 1'000'000'000));
  SetPayload(status, kRetryInfoUrl, retry);
  return status;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto retry = Payload<google::rpc::RetryInfo>(status, kRetryInfoUrl);
  if (!retry.has_value()) return std::nullopt;
  return absl::Seconds(retry->retry_delay().seconds()) +
         absl::Nanoseconds(retry->retry_delay().nanos());
}

absl::Status WithCause(absl::Status status, absl::string_view cause) {
  status.SetPayload(kCauseUrl, absl::Cord(cause));
  return status;
}

std::string CauseOf(const absl::Status& status) {
  const auto cause = status.GetPayload(kCauseUrl);
  return cause.has_value() ? std::string(*cause) : "";
}

std::string CauseOrMessageOf(const absl::Status& status) {
  std::string cause = CauseOf(status);
  return cause.empty() ? std::string(status.message()) : cause;
}

absl::Status Overloaded(absl::string_view what) {
  return WithRetryAfter(
      Error(absl::StatusCode::kResourceExhausted, "OVERLOADED",
            absl::StrCat("There is too much to do right now (", what,
                         "). Please try again in a moment.")),
      Jittered());
}

absl::Status DatabaseUnavailable(absl::string_view cause) {
  return WithCause(
      WithRetryAfter(
          Error(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE",
                "The database is away. Please try again in a moment."),
          Jittered()),
      cause);
}

absl::Status InDoubt(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsAborted(status)
             ? DatabaseUnavailable(CauseOrMessageOf(status))
             : status;
}

void FieldChecks::Check(bool ok, absl::string_view field,
                        absl::string_view description) {
  if (!ok) violations_.emplace_back(field, description);
}

absl::Status FieldChecks::Result() const {
  if (violations_.empty()) return absl::OkStatus();
  google::rpc::BadRequest bad;
  for (const auto& [field, description] : violations_) {
    google::rpc::BadRequest::FieldViolation* violation =
        bad.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
  }
  absl::Status status =
      Error(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
            absl::StrJoin(violations_, "; ", absl::PairFormatter(" ")),
            {{"field", violations_.front().first}});
  SetPayload(status, kBadRequestUrl, bad);
  return status;
}

}  // namespace platform
