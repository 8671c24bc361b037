#include "gtest/gtest.h"

#include "platform/grpc/time.h"

namespace platform::rpc {
namespace {

TEST(GrpcTimeTest, TravelsThereAndBack) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::FromUnixMicros(1700000000123456),
        absl::FromUnixMicros(-1)}) {
    EXPECT_EQ(FromProto(ToProto(time)), time);
    EXPECT_GE(ToProto(time).nanos(), 0);
    EXPECT_LT(ToProto(time).nanos(), 1'000'000'000);
  }
}

TEST(GrpcTimeTest, IsSecondsAndNanos) {
  const auto proto = ToProto(absl::FromUnixMicros(12'345'678));

  EXPECT_EQ(proto.seconds(), 12);
  EXPECT_EQ(proto.nanos(), 345'678'000);
}

}  // namespace
}  // namespace platform::rpc
