#include "platform/status/error.h"

#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"

namespace platform {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ErrorTest, CarriesReasonAndDetails) {
  const absl::Status status =
      Error(absl::StatusCode::kNotFound, "THING_NOT_FOUND", "No thing 7.",
            {{"thing_id", "7"}});

  EXPECT_THAT(status, Fails(absl::StatusCode::kNotFound, "THING_NOT_FOUND"));
  EXPECT_EQ(status.message(), "No thing 7.");
  EXPECT_EQ(DetailOf(status, "thing_id"), "7");
  EXPECT_EQ(DetailOf(status, "other"), "");
}

TEST(ErrorTest, TheReasonIsAnErrorInfoOfOurDomain) {
  const absl::Status status =
      Error(absl::StatusCode::kAborted, "TRY_AGAIN", "Try again.");

  google::rpc::ErrorInfo info;
  const auto payload =
      status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  ASSERT_TRUE(payload.has_value());
  ASSERT_TRUE(info.ParseFromString(std::string(*payload)));
  EXPECT_EQ(info.reason(), "TRY_AGAIN");
  EXPECT_EQ(info.domain(), "restaurant");
}

TEST(ErrorTest, APlainStatusHasNoReason) {
  EXPECT_EQ(ReasonOf(absl::InternalError("?")), "");
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_EQ(DetailOf(absl::InternalError("?"), "x"), "");
  EXPECT_EQ(RetryAfterOf(absl::InternalError("?")), std::nullopt);
}

TEST(ErrorTest, KeepsTheReasonWhenATimeIsAdded) {
  const absl::Status status =
      WithRetryAfter(Error(absl::StatusCode::kAborted, "NOT_YET", "Not yet."),
                     absl::Milliseconds(1500));

  EXPECT_THAT(status, Fails(absl::StatusCode::kAborted, "NOT_YET"));
  EXPECT_EQ(RetryAfterOf(status), absl::Milliseconds(1500));
}

// Those who are refused together must not return together.
TEST(ErrorTest, OverloadedAsksToComeBackAtDifferentTimes) {
  absl::Duration least = absl::InfiniteDuration();
  absl::Duration most = absl::ZeroDuration();
  for (int i = 0; i < 1000; ++i) {
    const absl::Status status = Overloaded("queue");
    ASSERT_THAT(status,
                Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
    least = std::min(least, RetryAfterOf(status).value());
    most = std::max(most, RetryAfterOf(status).value());
  }

  EXPECT_GE(least, absl::Seconds(1));
  EXPECT_LE(most, absl::Seconds(3));
  EXPECT_GT(most - least, absl::Seconds(1));
}

TEST(ErrorTest, DatabaseUnavailableKeepsItsCauseToItself) {
  const absl::Status status = DatabaseUnavailable("connection refused");

  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_TRUE(RetryAfterOf(status).has_value());
  EXPECT_EQ(CauseOf(status), "connection refused");
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("refused")));
}

TEST(FieldChecksTest, IsOkIfEveryCheckHolds) {
  FieldChecks checks;
  checks.Check(true, "qty", "must be 1 to 100");

  EXPECT_THAT(checks.Result(), IsOk());
}

TEST(FieldChecksTest, NamesEveryBadField) {
  FieldChecks checks;
  checks.Check(false, "qty", "must be 1 to 100");
  checks.Check(true, "good", "is not shown");
  checks.Check(false, "reason", "is too long");
  const absl::Status status = checks.Result();

  EXPECT_THAT(status,
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(status.message(), "qty must be 1 to 100; reason is too long");
  EXPECT_EQ(DetailOf(status, "field"), "qty");
  google::rpc::BadRequest bad;
  const auto payload =
      status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  ASSERT_TRUE(payload.has_value());
  ASSERT_TRUE(bad.ParseFromString(std::string(*payload)));
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(1).field(), "reason");
  EXPECT_EQ(bad.field_violations(1).description(), "is too long");
}

}  // namespace
}  // namespace platform
