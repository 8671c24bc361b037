#include "platform/status/error.h"

#include <algorithm>
#include <random>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace platform {
namespace {

constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfo[] = "type.googleapis.com/google.rpc.RetryInfo";

// The payload of type `url`, if there is one that can be read.
template <class Detail>
std::optional<Detail> Payload(const absl::Status& status,
                              absl::string_view url) {
  const absl::optional<absl::Cord> bytes = status.GetPayload(url);
  if (!bytes.has_value()) return std::nullopt;
  Detail detail;
  if (!detail.ParseFromString(std::string(*bytes))) return std::nullopt;
  return detail;
}

// One to three seconds, so that those who are refused together do not return
// together.
absl::Duration JitteredDelay() {
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
  status.SetPayload(kErrorInfo, absl::Cord(info.SerializeAsString()));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto info = Payload<google::rpc::ErrorInfo>(status, kErrorInfo);
  return info.has_value() ? info->reason() : "";
}

std::string DetailOf(const absl::Status& status, absl::string_view key) {
  const auto info = Payload<google::rpc::ErrorInfo>(status, kErrorInfo);
  if (!info.has_value()) return "";
  const auto found = info->metadata().find(std::string(key));
  return found == info->metadata().end() ? "" : found->second;
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  const absl::Duration whole = absl::Trunc(delay, absl::Milliseconds(1));
  info.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(whole));
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(whole % absl::Seconds(1))));
  status.SetPayload(kRetryInfo, absl::Cord(info.SerializeAsString()));
  return status;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto info = Payload<google::rpc::RetryInfo>(status, kRetryInfo);
  if (!info.has_value()) return std::nullopt;
  return absl::Seconds(info->retry_delay().seconds()) +
         absl::Nanoseconds(info->retry_delay().nanos());
}

absl::Status Overloaded(absl::string_view what) {
  return WithRetryAfter(
      Error(absl::StatusCode::kResourceExhausted, "OVERLOADED",
            absl::StrCat("Too much to do (", what,
                         "). Please try again in a moment."),
            {{"resource", what}}),
      JitteredDelay());
}

absl::Status DatabaseUnavailable(absl::string_view cause) {
  return WithRetryAfter(
      Error(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE",
            absl::StrCat("The database is away. Please try again in a moment.",
                         cause.empty() ? "" : " (", cause,
                         cause.empty() ? "" : ")")),
      JitteredDelay());
}

void FieldChecks::Check(bool ok, absl::string_view field,
                        absl::string_view description) {
  if (!ok) violations_.emplace_back(field, description);
}

absl::Status FieldChecks::Result() const {
  if (violations_.empty()) return absl::OkStatus();
  google::rpc::BadRequest bad;
  std::string message;
  for (const auto& [field, description] : violations_) {
    auto* violation = bad.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
    absl::StrAppend(&message, message.empty() ? "" : "; ", field, " ",
                    description);
  }
  absl::Status status =
      Error(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
            absl::StrCat(message, "."), {{"field", violations_[0].first}});
  status.SetPayload(kBadRequest, absl::Cord(bad.SerializeAsString()));
  return status;
}

}  // namespace platform
