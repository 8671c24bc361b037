// A real server and real clients on a port that the kernel chose.

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "platform/grpc/call.h"
#include "platform/grpc/server.h"
#include "platform/grpc/status.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/status/error.h"
#include "platform/thread/tsan.h"
#include "restaurant/delivery/v1/delivery_service.grpc.pb.h"
#include "tests/support/eventually.h"
#include "tests/support/notification.h"
#include "tests/support/status_matchers.h"

namespace platform::rpc {
namespace {

namespace v1 = ::restaurant::delivery::v1;
using test_support::Eventually;
using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Health = ::grpc::health::v1::HealthCheckResponse;

using Work = std::function<absl::Status(Call&)>;

// Any service will do; this one does what a test wants.
class TestService final : public v1::DeliveryService::CallbackService {
 public:
  explicit TestService(Executor& executor) : executor_(executor) {}

  grpc::ServerUnaryReactor* GetDelivery(
      grpc::CallbackServerContext* context,
      const v1::GetDeliveryRequest* /*request*/,
      v1::GetDeliveryResponse* response) override {
    return Run(executor_, Priority::kUrgent, context, "GetDelivery",
               [this, response](Call& call) {
                 response->mutable_delivery()->set_order_id("answered");
                 return work(call);
               });
  }

  Work work = [](Call&) { return absl::OkStatus(); };

 private:
  Executor& executor_;
};

// What a caller gets.
struct Answer {
  absl::Status status;
  std::multimap<std::string, std::string> initial;
  std::multimap<std::string, std::string> trailing;
  bool has_response = false;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest() {
    log::Init("tester", log::Level::kInfo, "thing_id");
    auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service_});
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
    channel_ = NewChannel();
  }

  std::shared_ptr<grpc::Channel> NewChannel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", server_->port()),
        grpc::InsecureChannelCredentials(), arguments);
  }

  Answer Ask(
      const std::function<void(grpc::ClientContext&)>& prepare =
          [](grpc::ClientContext&) {},
      const std::string& order_id = "x") {
    grpc::ClientContext context;
    prepare(context);
    v1::GetDeliveryRequest request;
    request.set_order_id(order_id);
    v1::GetDeliveryResponse response;
    Answer answer;
    tsan::HandOver(&tsan::to_handlers);
    answer.status =
        FromGrpcStatus(v1::DeliveryService::NewStub(channel_)->GetDelivery(
            &context, request, &response));
    tsan::TakeOver(&tsan::to_clients);
    for (const auto& [key, value] : context.GetServerInitialMetadata()) {
      answer.initial.emplace(std::string(key.data(), key.size()),
                             std::string(value.data(), value.size()));
    }
    for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
      answer.trailing.emplace(std::string(key.data(), key.size()),
                              std::string(value.data(), value.size()));
    }
    answer.has_response = response.delivery().order_id() == "answered";
    return answer;
  }

  static std::string RetryAfter(const Answer& answer) {
    const auto found = answer.trailing.find("retry-after");
    return found == answer.trailing.end() ? "" : found->second;
  }

  // How many calls wait for a thread.
  static double Waiting() {
    return metrics::Gauge("executor_queue_depth", "Tasks waiting.",
                          {{"executor", "grpc_test"}, {"priority", "urgent"}})
        .Value();
  }

  // The health of `service`, as grpc.health.v1 says it.
  Health::ServingStatus HealthOf(const std::string& service) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    const grpc::Slice bytes(request.SerializeAsString());
    const grpc::ByteBuffer question(&bytes, 1);
    grpc::ByteBuffer answer;
    grpc::ClientContext context;
    std::promise<grpc::Status> answered;
    grpc::GenericStub(channel_).UnaryCall(
        &context, "/grpc.health.v1.Health/Check", {}, &question, &answer,
        [&](grpc::Status status) { answered.set_value(std::move(status)); });
    const grpc::Status status = answered.get_future().get();
    Health response;
    grpc::Slice all;
    if (status.ok() && answer.DumpToSingleSlice(&all).ok()) {
      response.ParseFromArray(all.begin(), static_cast<int>(all.size()));
    }
    return status.ok() ? response.status() : Health::SERVICE_UNKNOWN;
  }

  Executor executor_{{.name = "grpc_test", .threads = 2, .queue_limit = 1}};
  TestService service_{executor_};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(GrpcServerTest, Answers) {
  const Answer answer = Ask();

  EXPECT_THAT(answer.status, IsOk());
  EXPECT_TRUE(answer.has_response);
  EXPECT_EQ(RetryAfter(answer), "");
}

TEST_F(GrpcServerTest, ATakenPortIsOneClearLine) {
  const std::string address = absl::StrCat("127.0.0.1:", server_->port());
  ::testing::internal::CaptureStderr();
  const auto second = Server::Start({.listen = address}, {});
  const std::string printed = ::testing::internal::GetCapturedStderr();

  EXPECT_THAT(second,
              Fails(absl::StatusCode::kFailedPrecondition, "ADDRESS_IN_USE"));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
  EXPECT_EQ(printed, "");
}

TEST_F(GrpcServerTest, ErrorsKeepTheirDetails) {
  service_.work = [](Call&) {
    return Error(absl::StatusCode::kFailedPrecondition, "TOO_LATE", "Too late.",
                 {{"status", "DONE"}});
  };

  const Answer answer = Ask();

  EXPECT_THAT(answer.status,
              Fails(absl::StatusCode::kFailedPrecondition, "TOO_LATE"));
  EXPECT_EQ(DetailOf(answer.status, "status"), "DONE");
}

TEST_F(GrpcServerTest, EveryErrorHasAReason) {
  service_.work = [](Call&) { return absl::NotFoundError("No such thing."); };

  EXPECT_THAT(Ask().status, Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(GrpcServerTest, AReasonIsAddedToWhatElseThereIs) {
  service_.work = [](Call&) {
    return WithRetryAfter(absl::AbortedError("Not yet."), absl::Seconds(1));
  };

  const Answer answer = Ask();

  EXPECT_THAT(answer.status, Fails(absl::StatusCode::kAborted, "ABORTED"));
  EXPECT_EQ(RetryAfterOf(answer.status), absl::Seconds(1));
}

TEST_F(GrpcServerTest, ABugIsForTheLogOnly) {
  for (const auto& bug : {absl::InternalError("SELECT secret FROM users"),
                          absl::UnknownError("SELECT secret FROM users")}) {
    service_.work = [bug](Call&) { return bug; };
    ::testing::internal::CaptureStderr();
    const Answer answer = Ask();
    const std::string logged = ::testing::internal::GetCapturedStderr();

    EXPECT_THAT(answer.status, Fails(absl::StatusCode::kInternal, "INTERNAL"));
    EXPECT_THAT(answer.status.ToString(), Not(HasSubstr("SELECT")));
    EXPECT_THAT(logged, HasSubstr("SELECT secret FROM users"));
    EXPECT_THAT(logged, HasSubstr("\"level\":\"error\""));
  }
}

TEST_F(GrpcServerTest, ACauseIsForTheLogOnly) {
  service_.work = [](Call&) {
    return DatabaseUnavailable("host db-7 refused");
  };
  ::testing::internal::CaptureStderr();
  const Answer answer = Ask();
  const std::string logged = ::testing::internal::GetCapturedStderr();

  EXPECT_THAT(answer.status,
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_THAT(answer.status.ToString(), Not(HasSubstr("db-7")));
  EXPECT_THAT(logged, HasSubstr("host db-7 refused"));
}

// Envoy makes an HTTP header of trailing metadata only if there is no initial
// metadata.
TEST_F(GrpcServerTest, ATimeToComeBackIsAHeaderInWholeSeconds) {
  constexpr struct {
    int millis;
    const char* header;
  } kCases[] = {{1, "1"}, {1000, "1"}, {1001, "2"}, {2500, "3"}, {60000, "60"}};
  for (const auto& [millis, header] : kCases) {
    service_.work = [delay = absl::Milliseconds(millis)](Call&) {
      return WithRetryAfter(absl::ResourceExhaustedError("Busy."), delay);
    };
    const Answer answer = Ask();
    EXPECT_EQ(RetryAfter(answer), header);
    EXPECT_THAT(answer.initial, IsEmpty());
  }
}

TEST_F(GrpcServerTest, TheCallersDeadlineIsTheCalls) {
  absl::Time deadline;
  service_.work = [&](Call& call) {
    deadline = call.deadline();
    return absl::OkStatus();
  };
  const absl::Time start = absl::Now();
  ASSERT_THAT(Ask([](grpc::ClientContext& context) {
                context.set_deadline(std::chrono::system_clock::now() +
                                     std::chrono::seconds(3));
              }).status,
              IsOk());
  EXPECT_GT(deadline, start + absl::Seconds(2));
  EXPECT_LT(deadline, start + absl::Seconds(4));

  ASSERT_THAT(Ask([](grpc::ClientContext& context) {
                context.set_deadline(std::chrono::system_clock::now() +
                                     std::chrono::hours(5));
              }).status,
              IsOk());
  EXPECT_GT(deadline, start + absl::Hours(4));
}

TEST_F(GrpcServerTest, WithoutADeadlineItIsTenSeconds) {
  absl::Time deadline;
  service_.work = [&](Call& call) {
    deadline = call.deadline();
    return absl::OkStatus();
  };
  const absl::Time start = absl::Now();
  ASSERT_THAT(Ask().status, IsOk());

  EXPECT_GE(deadline, start + absl::Seconds(10) - absl::Milliseconds(5));
  EXPECT_LT(deadline, absl::Now() + absl::Seconds(10));
}

TEST_F(GrpcServerTest, TheCallersTraceGoesOn) {
  constexpr char kTraceId[] = "0af7651916cd43dd8448eb211c80319c";
  std::string trace_id;
  service_.work = [&](Call& call) {
    trace_id = call.trace().trace_id;
    return absl::OkStatus();
  };

  Ask([&](grpc::ClientContext& context) {
    context.AddMetadata("traceparent",
                        absl::StrCat("00-", kTraceId, "-b7ad6b7169203331-01"));
  });
  EXPECT_EQ(trace_id, kTraceId);

  Ask();
  EXPECT_EQ(trace_id.size(), 32U);
  EXPECT_NE(trace_id, kTraceId);
}

TEST_F(GrpcServerTest, MetadataCanBeRead) {
  std::vector<std::string> values, missing;
  service_.work = [&](Call& call) {
    values = call.Metadata("idempotency-key");
    missing = call.Metadata("no-such-key");
    return absl::OkStatus();
  };

  Ask([](grpc::ClientContext& context) {
    context.AddMetadata("idempotency-key", "abc");
    context.AddMetadata("idempotency-key", "");
  });

  EXPECT_THAT(values, ElementsAre("abc", ""));
  EXPECT_THAT(missing, IsEmpty());
}

TEST_F(GrpcServerTest, ACallIsOneLineInTheLog) {
  service_.work = [](Call& call) {
    call.SetAggregateId("thing 7");
    return absl::NotFoundError("No such thing.");
  };
  ::testing::internal::CaptureStderr();
  Ask();
  const std::string logged = ::testing::internal::GetCapturedStderr();

  const auto line = nlohmann::json::parse(logged);
  EXPECT_EQ(line["method"], "GetDelivery");
  EXPECT_EQ(line["code"], "NOT_FOUND");
  EXPECT_EQ(line["thing_id"], "thing 7");
  EXPECT_GE(line["duration_ms"], 0);
  EXPECT_EQ(line["trace_id"].get<std::string>().size(), 32U);
}

TEST_F(GrpcServerTest, CallsAreCountedByMethodAndCode) {
  const auto counted = [] {
    return metrics::Counter(
               "grpc_requests_total", "Requests answered.",
               {{"method", "GetDelivery"}, {"code", "ALREADY_EXISTS"}})
        .Value();
  };
  const double before = counted();
  service_.work = [](Call&) { return absl::AlreadyExistsError("It is."); };

  Ask();
  Ask();

  EXPECT_EQ(counted(), before + 2);
  EXPECT_THAT(metrics::Text(),
              HasSubstr("grpc_request_seconds_count{method=\"GetDelivery\"}"));
}

TEST_F(GrpcServerTest, WhatTheExecutorCannotDoIsRefusedAtOnce) {
  test_support::Notification release;
  std::atomic<int> begun = 0;
  service_.work = [&](Call&) {
    ++begun;
    release.WaitForNotification();
    return absl::OkStatus();
  };
  // Two run, one waits; the fourth is too much.
  std::vector<std::thread> callers;
  for (const auto& there : std::vector<std::function<bool()>>{
           [&] { return begun == 1; }, [&] { return begun == 2; },
           [&] { return Waiting() == 1; }}) {
    callers.emplace_back([&] { EXPECT_THAT(Ask().status, IsOk()); });
    EXPECT_TRUE(Eventually(absl::Seconds(5), there));
  }

  const Answer refused = Ask();

  EXPECT_THAT(refused.status,
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_NE(RetryAfter(refused), "");
  release.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(begun, 3);
}

TEST_F(GrpcServerTest, ACallWhoseCallerIsGoneIsNotBegun) {
  test_support::Notification release;
  std::atomic<int> begun = 0;
  service_.work = [&](Call&) {
    ++begun;
    release.WaitForNotification();
    return absl::OkStatus();
  };
  std::thread one([&] { Ask(); });
  ASSERT_TRUE(Eventually(absl::Seconds(5), [&] { return begun == 1; }));
  std::thread two([&] { Ask(); });
  ASSERT_TRUE(Eventually(absl::Seconds(5), [&] { return begun == 2; }));

  grpc::ClientContext impatient;
  std::thread three([&] {
    v1::GetDeliveryResponse response;
    v1::DeliveryService::NewStub(channel_)->GetDelivery(
        &impatient, v1::GetDeliveryRequest(), &response);
  });
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return Waiting() == 1; }));
  impatient.TryCancel();
  three.join();
  // The server hears of it a moment later than the client.
  absl::SleepFor(absl::Milliseconds(100));
  release.Notify();
  one.join();
  two.join();
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return Waiting() == 0; }));
  Ask();  // Behind it in the queue.

  EXPECT_EQ(begun, 3);
}

TEST_F(GrpcServerTest, TooLargeARequestIsTheCallersFault) {
  EXPECT_THAT(
      Ask([](grpc::ClientContext&) {}, std::string(size_t{60} * 1024, 'x'))
          .status,
      IsOk());
  EXPECT_THAT(
      Ask([](grpc::ClientContext&) {}, std::string(size_t{65} * 1024, 'x'))
          .status,
      Fails(absl::StatusCode::kResourceExhausted));
}

TEST_F(GrpcServerTest, TooMuchMetadataIsTheCallersFault) {
  const Answer answer = Ask([](grpc::ClientContext& context) {
    context.AddMetadata("padding", std::string(size_t{16} * 1024, 'x'));
  });

  EXPECT_THAT(answer.status, Fails(absl::StatusCode::kResourceExhausted));
}

TEST_F(GrpcServerTest, IsNotReadyUntilItSaysSo) {
  EXPECT_EQ(HealthOf(""), Health::NOT_SERVING);
  EXPECT_EQ(HealthOf("liveness"), Health::SERVING);

  server_->SetReady(true);

  EXPECT_EQ(HealthOf(""), Health::SERVING);
}

TEST_F(GrpcServerTest, DrainingItStillServes) {
  server_->SetReady(true);
  server_->SetReady(false);

  EXPECT_EQ(HealthOf(""), Health::NOT_SERVING);
  EXPECT_EQ(HealthOf("liveness"), Health::SERVING);
  EXPECT_THAT(Ask().status, IsOk());
}

TEST_F(GrpcServerTest, StopLetsCallsInHandFinish) {
  test_support::Notification entered, release;
  std::atomic<int> begun = 0;
  service_.work = [&](Call&) {
    // Others may get in until it stops.
    if (begun++ == 0) entered.Notify();
    release.WaitForNotification();
    return absl::OkStatus();
  };
  absl::Status answered = absl::UnknownError("no answer yet");
  std::thread caller([&] { answered = Ask().status; });
  entered.WaitForNotification();

  std::thread stopper([&] { server_->Stop(absl::Seconds(30)); });
  // New ones find nobody.
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(200));
    v1::GetDeliveryResponse response;
    return v1::DeliveryService::NewStub(NewChannel())
               ->GetDelivery(&context, v1::GetDeliveryRequest(), &response)
               .error_code() == grpc::StatusCode::UNAVAILABLE;
  }));
  release.Notify();
  caller.join();
  stopper.join();

  EXPECT_THAT(answered, IsOk());
}

TEST_F(GrpcServerTest, StopEndsWhatTakesLongerThanItsGrace) {
  test_support::Notification entered;
  service_.work = [&](Call& call) {
    entered.Notify();
    EXPECT_TRUE(
        Eventually(absl::Seconds(20), [&] { return call.cancelled(); }));
    return absl::CancelledError();
  };
  absl::Status answered;
  std::thread caller([&] { answered = Ask().status; });
  entered.WaitForNotification();

  const absl::Time start = absl::Now();
  server_->Stop(absl::Milliseconds(100));
  const absl::Duration took = absl::Now() - start;
  caller.join();

  EXPECT_FALSE(answered.ok());
  EXPECT_LT(took, absl::Seconds(5));
}

// Clients that watch our health hold us back no longer than the grace.
TEST_F(GrpcServerTest, StopEndsHealthWatchers) {
  server_->SetReady(true);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel_);
  auto watch =
      stub.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  const auto step = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ok;
  };
  watch->StartCall(nullptr);
  ASSERT_TRUE(step());
  const grpc::Slice empty("", 0);
  watch->WriteLast(grpc::ByteBuffer(&empty, 1), grpc::WriteOptions(), nullptr);
  ASSERT_TRUE(step());
  grpc::ByteBuffer first;
  watch->Read(&first, nullptr);
  ASSERT_TRUE(step());

  const absl::Time start = absl::Now();
  server_->Stop(absl::Milliseconds(200));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));

  context.TryCancel();
  grpc::Status status;
  watch->Finish(&status, nullptr);
  step();
  queue.Shutdown();
}

}  // namespace
}  // namespace platform::rpc
