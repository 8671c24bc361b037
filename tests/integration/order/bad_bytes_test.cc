// Requests that protobuf cannot read: the caller's fault, and said so.

#include <future>
#include <string>

#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "nlohmann/json.hpp"

#include "platform/metrics/metrics.h"
#include "tests/integration/order/order_fixture.h"

namespace order {
namespace {

using test_support::Fails;

class BadBytesTest : public OrderFixture {
 protected:
  // Sends `bytes` as the request of `method`.
  absl::Status Send(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                            grpc::InsecureChannelCredentials()));
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    std::promise<grpc::Status> answered;
    stub.UnaryCall(&context, "/restaurant.order.v1.OrderService/" + method, {},
                   &request, &response, [&](grpc::Status status) {
                     answered.set_value(std::move(status));
                   });
    return platform::rpc::FromGrpcStatus(answered.get_future().get());
  }
};

TEST_F(BadBytesTest, InvalidUtf8IsTheCallersFault) {
  // Field 1 of all three: a string.
  for (const char* method : {"PlaceOrder", "GetOrder", "CancelOrder"}) {
    EXPECT_THAT(Send(method, "\x0a\x02\xff\xfe"),
                Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
        << method;
  }
}

TEST_F(BadBytesTest, GarbageIsTheCallersFault) {
  EXPECT_THAT(Send("PlaceOrder", "\xff\xff\xff"),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), "0");
}

TEST_F(BadBytesTest, WhatCannotBeReadIsLoggedAndCounted) {
  const auto counted = [] {
    return platform::metrics::Counter(
               "grpc_requests_total", "Requests answered.",
               {{"method", "PlaceOrder"}, {"code", "INVALID_ARGUMENT"}})
        .Value();
  };
  const double before = counted();
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(Send("PlaceOrder", "\xff\xff\xff").ok());
  auto line = nlohmann::json::parse(::testing::internal::GetCapturedStderr());
  EXPECT_EQ(line["method"], "PlaceOrder");
  EXPECT_EQ(line["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(line["reason"], "INVALID_FIELD");
  EXPECT_EQ(line.value("trace_id", "").size(), 32U);
  EXPECT_EQ(counted(), before + 1);
}

// Not everything that is UNIMPLEMENTED is unreadable.
TEST_F(BadBytesTest, AnUnknownMethodIsStillUnimplemented) {
  EXPECT_EQ(Send("BurnOrder", "").code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace order
