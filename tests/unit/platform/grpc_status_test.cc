#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

#include "platform/grpc/status.h"
#include "platform/status/error.h"
#include "tests/support/status_matchers.h"

namespace platform::rpc {
namespace {

using test_support::Fails;
using test_support::IsOk;

TEST(GrpcStatusTest, OkIsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_THAT(FromGrpcStatus(grpc::Status::OK), IsOk());
}

TEST(GrpcStatusTest, DetailsTravelThereAndBack) {
  const absl::Status sent =
      WithRetryAfter(Error(absl::StatusCode::kFailedPrecondition, "TOO_LATE",
                           "It is late.", {{"status", "COOKED"}}),
                     absl::Seconds(2));
  const absl::Status received = FromGrpcStatus(ToGrpcStatus(sent));

  EXPECT_EQ(received, sent);
  EXPECT_THAT(received,
              Fails(absl::StatusCode::kFailedPrecondition, "TOO_LATE"));
  EXPECT_EQ(DetailOf(received, "status"), "COOKED");
  EXPECT_EQ(RetryAfterOf(received), absl::Seconds(2));
}

TEST(GrpcStatusTest, DetailsAreWhatEveryClientUnderstands) {
  FieldChecks checks;
  checks.Check(false, "qty", "must be 1 to 100");
  const grpc::Status status = ToGrpcStatus(checks.Result());

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "qty must be 1 to 100");
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(status.error_details()));
  EXPECT_EQ(rich.code(), status.error_code());
  EXPECT_EQ(rich.message(), status.error_message());
  google::rpc::BadRequest bad;
  bool found = false;
  for (const auto& detail : rich.details()) found |= detail.UnpackTo(&bad);
  ASSERT_TRUE(found);
  EXPECT_EQ(bad.field_violations(0).field(), "qty");
}

// absl::Status keeps them in no order, and not always in the same: it depends
// on where the status lies.
TEST(GrpcStatusTest, DetailsComeInOneOrder) {
  FieldChecks checks;
  checks.Check(false, "qty", "must be 1 to 100");
  std::vector<absl::Status> kept;
  for (int i = 0; i < 100; ++i) {
    kept.push_back(WithRetryAfter(checks.Result(), absl::Seconds(2)));
    const grpc::Status status = ToGrpcStatus(kept.back());
    google::rpc::Status rich;
    ASSERT_TRUE(rich.ParseFromString(status.error_details()));
    ASSERT_EQ(rich.details_size(), 3);
    EXPECT_TRUE(rich.details(0).Is<google::rpc::ErrorInfo>());
    EXPECT_TRUE(rich.details(1).Is<google::rpc::BadRequest>());
    EXPECT_TRUE(rich.details(2).Is<google::rpc::RetryInfo>());
  }
}

TEST(GrpcStatusTest, ACauseStaysHere) {
  const grpc::Status status = ToGrpcStatus(DatabaseUnavailable("host db-7"));

  EXPECT_EQ(status.error_message().find("db-7"), std::string::npos);
  EXPECT_EQ(status.error_details().find("db-7"), std::string::npos);
}

TEST(GrpcStatusTest, APeerMaySendNoDetailsOrGarbage) {
  const absl::Status plain =
      FromGrpcStatus({grpc::StatusCode::UNAVAILABLE, "away"});
  EXPECT_THAT(plain, Fails(absl::StatusCode::kUnavailable, ""));
  EXPECT_EQ(plain.message(), "away");

  EXPECT_THAT(FromGrpcStatus({grpc::StatusCode::ABORTED, "x", "\xff\xff"}),
              Fails(absl::StatusCode::kAborted, ""));
}

}  // namespace
}  // namespace platform::rpc
