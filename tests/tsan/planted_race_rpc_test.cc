// The same race in what requests do: proves that neither the suppressions of
// gRPC nor what platform/thread/tsan.h says hides it.

#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "platform/grpc/call.h"
#include "platform/grpc/server.h"
#include "restaurant/delivery/v1/delivery_service.grpc.pb.h"

namespace platform::rpc {
namespace {

namespace v1 = ::restaurant::delivery::v1;

class CountingService final : public v1::DeliveryService::CallbackService {
 public:
  grpc::ServerUnaryReactor* GetDelivery(
      grpc::CallbackServerContext* context,
      const v1::GetDeliveryRequest* /*request*/,
      v1::GetDeliveryResponse* /*response*/) override {
    return Run(executor_, Priority::kUrgent, context, "GetDelivery",
               [this](Call&) {
                 ++unguarded_;
                 return absl::OkStatus();
               });
  }

 private:
  int unguarded_ = 0;
  Executor executor_{{.name = "race", .threads = 4}};
};

TEST(PlantedRaceTest, TwoRequestsCountWithoutALock) {
  CountingService service;
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service});
  ASSERT_TRUE(server.ok());
  const auto ask = [&] {
    const auto stub = v1::DeliveryService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", (*server)->port()),
                            grpc::InsecureChannelCredentials()));
    for (int i = 0; i < 200; ++i) {
      grpc::ClientContext context;
      v1::GetDeliveryResponse response;
      ASSERT_TRUE(
          stub->GetDelivery(&context, v1::GetDeliveryRequest(), &response)
              .ok());
    }
  };
  std::thread other(ask);
  ask();
  other.join();
}

}  // namespace
}  // namespace platform::rpc
