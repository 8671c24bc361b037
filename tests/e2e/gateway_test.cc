// What the gateway itself promises: time-outs and outages in words, over HTTP
// and gRPC; what it makes of odd bodies; its log; where it listens.

#include <future>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "platform/grpc/status.h"
#include "platform/status/error.h"
#include "tests/e2e/system.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace e2e {
namespace {

using ::test_support::Eventually;
using ::test_support::Fails;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using ::testing::Optional;

constexpr char kGetDelivery[] =
    "/restaurant.delivery.v1.DeliveryService/GetDelivery";

// Open to other machines.
class GatewayTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = new System(
        std::map<std::string, std::string>{{"GATEWAY_LISTEN", "0.0.0.0"}});
  }
  static void TearDownTestSuite() {
    delete system_;
    system_ = nullptr;
  }
  // What a gRPC client gets that calls `method` as an operator, with an empty
  // message and no deadline.
  static absl::Status Call(const std::string& method,
                           const std::string& traceparent = "") {
    grpc::GenericStub stub(
        grpc::CreateChannel("127.0.0.1:" + (*system_)["GATEWAY_PORT"],
                            grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    const auto [name, value] = system_->As("operator", "1");
    context.AddMetadata(name, value);
    if (!traceparent.empty()) context.AddMetadata("traceparent", traceparent);
    const grpc::Slice nothing("");
    const grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(
        &context, method, {}, &request, &response,
        [&](grpc::Status status) { done.set_value(std::move(status)); });
    return platform::rpc::FromGrpcStatus(done.get_future().get());
  }
  // What the gateway's log says of the request with this trace, in one line.
  static nlohmann::json Logged(const std::string& trace) {
    std::vector<nlohmann::json> entries;
    EXPECT_TRUE(Eventually(absl::Seconds(5), [&] {
      const std::string log =
          test_support::ReadFile(system_->run_dir() + "/log/gateway.log");
      entries.clear();
      for (absl::string_view line : absl::StrSplit(log, '\n')) {
        if (!absl::StrContains(line, trace)) continue;
        entries.push_back(nlohmann::json::parse(line, /*cb=*/nullptr,
                                                /*allow_exceptions=*/false));
      }
      return !entries.empty() && entries.back().is_object();
    }));
    EXPECT_EQ(entries.size(), 1U);
    return entries.empty() ? nlohmann::json() : entries.back();
  }
  static std::string TraceParent(const std::string& trace) {
    return absl::StrCat("00-", trace, "-00f067aa0ba902b7-01");
  }
  // Sends a signal to a service.
  static void Signal(const std::string& service, const std::string& signal) {
    const std::string pid = test_support::ReadFile(
        absl::StrCat(system_->run_dir(), "/pids/", service));
    ASSERT_EQ(RunCommand(absl::StrCat("kill -", signal, " ", pid)).exit_code,
              0);
  }
  // Or the gateway would still take it for unwell in the next test.
  static bool DeliveryAnswersAgain() {
    return Eventually(absl::Seconds(10), [] {
      return system_->Get(absl::StrCat("/deliveries/", kUnknownId)).status ==
             404;
    });
  }

  static System* system_;
};

System* GatewayTest::system_ = nullptr;

// A service that hangs: JSON after 5 s, a gRPC status after 10.
TEST_F(GatewayTest, WhoWaitsInVainIsToldSo) {
  ASSERT_NO_FATAL_FAILURE(Signal("delivery", "STOP"));
  const absl::Time asked = absl::Now();
  auto call = std::async(std::launch::async, [] { return Call(kGetDelivery); });

  const Answer answer = system_->Get(absl::StrCat("/deliveries/", kUnknownId));

  EXPECT_THAT(absl::Now() - asked,
              AllOf(Ge(absl::Seconds(4)), Le(absl::Seconds(7))));
  EXPECT_EQ(answer.status, 504) << answer.text;
  EXPECT_EQ(answer.body.value("code", 0), 4);
  EXPECT_EQ(answer.Reason(), "DEADLINE_EXCEEDED");
  EXPECT_THAT(answer.text, HasSubstr("may still have been done"));
  EXPECT_THAT(call.get(),
              Fails(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED"));
  ASSERT_NO_FATAL_FAILURE(Signal("delivery", "CONT"));
  EXPECT_TRUE(DeliveryAnswersAgain());
}

TEST_F(GatewayTest, AnAbsentServiceIsUnavailableToGrpcClients) {
  ASSERT_EQ(system_->Script("stop delivery").exit_code, 0);

  const absl::Status status = Call(kGetDelivery);

  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnavailable, "SERVICE_UNAVAILABLE"));
  EXPECT_THAT(platform::RetryAfterOf(status),
              Optional(AllOf(Ge(absl::Seconds(1)), Le(absl::Seconds(3)))));
  ASSERT_EQ(system_->Script("start delivery").exit_code, 0);
  EXPECT_TRUE(DeliveryAnswersAgain());
}

TEST_F(GatewayTest, AnUnknownMethodIsUnimplemented) {
  for (const char* method : {"/restaurant.delivery.v1.DeliveryService/Nothing",
                             "/restaurant.nothing.v1.Service/Get"}) {
    EXPECT_THAT(Call(method),
                Fails(absl::StatusCode::kUnimplemented, "PATH_NOT_FOUND"))
        << method;
  }
}

TEST_F(GatewayTest, UnknownFieldsAreIgnored) {
  const Answer answer = system_->Post(
      "/orders",
      R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1,)"
      R"("colour":"blue","more":{"of":["this"]}})");
  EXPECT_EQ(answer.status, 200) << answer.text;
}

TEST_F(GatewayTest, AnEmptyBodyIsAnEmptyMessage) {
  const Answer answer = system_->Post("/orders", "");
  EXPECT_EQ(answer.status, 400) << answer.text;
  EXPECT_EQ(answer.Reason(), "INVALID_FIELD");
  EXPECT_THAT(answer.BadFields(), Contains("customer_id"));
}

TEST_F(GatewayTest, ABodyIsJsonWhateverItsType) {
  const char order[] =
      R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})";
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded"}) {
    const Answer read =
        system_->Post("/orders", order, {{"content-type", type}});
    EXPECT_EQ(read.status, 200) << type << read.text;
    const Answer unreadable =
        system_->Post("/orders", "customer_id=1", {{"content-type", type}});
    EXPECT_EQ(unreadable.status, 400) << type << unreadable.text;
    EXPECT_EQ(unreadable.Reason(), "INVALID_REQUEST");
  }
}

// What the path says the body may not say too, least of all otherwise.
TEST_F(GatewayTest, APathAndABodyThatDisagreeAreRefused) {
  const std::string id = system_->Place(1, 1, 1, 1);

  const Answer answer =
      system_->Post("/orders/" + id + ":cancel",
                    absl::StrCat(R"({"order_id":")", kUnknownId, R"("})"));

  EXPECT_EQ(answer.status, 400) << answer.text;
  EXPECT_EQ(answer.Reason(), "INVALID_REQUEST");
  EXPECT_THAT(answer.text, HasSubstr("order_id"));
}

// One JSON line for a request, with its trace, and without its query, which
// names customers.
TEST_F(GatewayTest, TheLogHasTheTraceAndNotTheQuery) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4737";
  ASSERT_EQ(system_
                ->Get("/orders?customer_id=471147114",
                      {{"traceparent", TraceParent(trace)},
                       // Nobody tells our log what to say.
                       {"x-envoy-original-method", "TRACE"},
                       {"x-envoy-original-path", "/elsewhere"},
                       system_->As("customer", "471147114")})
                .status,
            200);

  const nlohmann::json entry = Logged(trace);
  EXPECT_EQ(entry.value("trace_id", ""), trace);
  EXPECT_EQ(entry.value("service", ""), "gateway");
  EXPECT_EQ(entry.value("method", ""), "GET");
  EXPECT_EQ(entry.value("path", ""), "/orders");
  EXPECT_EQ(entry.value("http_status", 0), 200);
  EXPECT_THAT(test_support::ReadFile(system_->run_dir() + "/log/gateway.log"),
              Not(HasSubstr("471147114")));
}

// What has none must not get one that Envoy makes up: it is INTERNAL for 400.
TEST_F(GatewayTest, TheLogHasTheGrpcStatusOfGrpcCallsOnly) {
  const std::string by_json = "4bf92f3577b34da6a3ce929d0e0e4738";
  const std::string by_grpc = "4bf92f3577b34da6a3ce929d0e0e4739";
  ASSERT_EQ(
      system_
          ->Get("/deliveries/none", {{"traceparent", TraceParent(by_json)},
                                     system_->As("operator", "1")})
          .status,
      400);
  ASSERT_EQ(Call(kGetDelivery, TraceParent(by_grpc)).code(),
            absl::StatusCode::kInvalidArgument);

  EXPECT_EQ(Logged(by_json).value("http_status", 0), 400);
  EXPECT_FALSE(Logged(by_json).contains("code"));
  EXPECT_EQ(Logged(by_grpc).value("code", ""), "INVALID_ARGUMENT");
}

// Longer than the buffers of a connection.
TEST_F(GatewayTest, AFullPageOfLongReasonsIsAnswered) {
  system_->SetStock(30, 1, 100);
  std::string reason;
  for (int i = 0; i < 200; ++i) reason += "가";
  for (int i = 0; i < 100; ++i) {
    const std::string id = system_->Place(4747, 30, 1, 1);
    const Answer cancelled =
        system_->Post("/orders/" + id + ":cancel",
                      absl::StrCat(R"({"reason":")", reason, "\"}"));
    ASSERT_EQ(cancelled.status, 200) << cancelled.text;
  }
  ASSERT_TRUE(system_->ComesToRest());
  const std::string page = "/mypages?customer_id=4747&page_size=100";
  const Answer answer = system_->Get(page);
  EXPECT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(answer.body["mypages"].size(), 100U);
  EXPECT_GT(answer.text.size(), 131'072U);
  const Ran http2 = RunCommand(
      absl::StrCat("curl -s --http2-prior-knowledge -H 'authorization: ",
                   system_->As("customer", "4747").second, "' '",
                   (*system_)["GATEWAY_URL"], page, "'"));
  EXPECT_EQ(http2.output, answer.text);
}

// Of pages, too.
TEST_F(GatewayTest, WhatIsNoPageIsToldSoInJson) {
  const Answer unknown = system_->Get("/assets/0/none.js");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.Reason(), "PATH_NOT_FOUND");
  const Answer large = system_->Post("/session", std::string(5000, 'x'));
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(large.Reason(), "BODY_TOO_LARGE");
}

// Of 127.0.0.0/8 what listens on the loopback alone takes 127.0.0.1 only; what
// is open to all takes 127.0.0.2 too.
TEST_F(GatewayTest, OnlyTheGatewayItselfIsOpenToOtherMachines) {
  const auto connects = [](const std::string& host, const std::string& port) {
    // 7: it could not connect.
    return RunCommand(absl::StrCat("curl -s -o /dev/null --max-time 2 http://",
                                   host, ":", port))
               .exit_code != 7;
  };
  EXPECT_TRUE(connects("127.0.0.2", (*system_)["GATEWAY_PORT"]));
  for (const char* name :
       {"GATEWAY_ADMIN_PORT", "GATEWAY_PAGE_PORT", "GATEWAY_REFLECTION_PORT",
        "NATS_PORT", "ORDER_PORT", "ORDER_METRICS_PORT", "COOK_PORT",
        "DELIVERY_PORT", "MYPAGE_PORT"}) {
    const std::string port = (*system_)[name];
    EXPECT_TRUE(connects("127.0.0.1", port)) << name;
    EXPECT_FALSE(connects("127.0.0.2", port)) << name;
  }
}

}  // namespace
}  // namespace e2e
