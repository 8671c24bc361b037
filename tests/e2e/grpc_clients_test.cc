// grpcurl without proto files, at each service and through the gateway: list,
// describe, every RPC, health.

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/e2e/system.h"

namespace e2e {
namespace {

using ::testing::HasSubstr;

struct Rpc {
  const char* role;
  const char* service;  // short name, e.g. order
  const char* method;   // e.g. OrderService.PlaceOrder
  std::string request;
  bool ok;                   // whether the call succeeds
  const char* expected;      // in what grpcurl prints
  const char* options = "";  // further ones of grpcurl
};

// Every RPC of the product; those about an order on one that does not exist.
std::vector<Rpc> Rpcs() {
  const std::string id = absl::StrCat(R"({"order_id":")", kUnknownId, R"("})");
  return {
      {"customer", "order", "OrderService.PlaceOrder",
       R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
       true, "ORDER_STATUS_ORDERED"},
      {"customer", "order", "OrderService.GetOrder", id, false,
       "ORDER_NOT_FOUND"},
      {"customer", "order", "OrderService.ListOrders", R"({"customer_id":1})",
       true, "{"},
      {"customer", "order", "OrderService.CancelOrder", id, false,
       "ORDER_NOT_FOUND"},
      {"operator", "cook", "CookService.CancelTicket", id, false,
       "TICKET_NOT_FOUND"},
      {"operator", "cook", "CookService.ListCancellations", "{}", true, "{"},
      {"kitchen", "cook", "CookService.GetTicket", id, false,
       "TICKET_NOT_FOUND"},
      {"kitchen", "cook", "CookService.ListTickets", R"({"restaurant_id":1})",
       true, "{"},
      {"kitchen", "cook", "CookService.FinishCooking", id, false,
       "TICKET_NOT_FOUND"},
      {"kitchen", "cook", "CookService.GetStock",
       R"({"restaurant_id":1,"restaurant_menu_id":1})", true, "stock"},
      {"kitchen", "cook", "CookService.SetStock",
       R"({"restaurant_id":1,"restaurant_menu_id":2,"on_hand":3})", true,
       ": 3"},
      {"kitchen", "cook", "CookService.ListStock", R"({"restaurant_id":1})",
       true, "stocks"},
      {"courier", "delivery", "DeliveryService.GetDelivery", id, false,
       "DELIVERY_NOT_FOUND"},
      {"courier", "delivery", "DeliveryService.ListDeliveries", "{}", true,
       "{"},
      {"courier", "delivery", "DeliveryService.CompleteDelivery", id, false,
       "DELIVERY_NOT_FOUND"},
      {"customer", "mypage", "MypageService.GetMypage", id, false,
       "MYPAGE_NOT_FOUND"},
      {"customer", "mypage", "MypageService.ListMypages",
       R"({"customer_id":1})", true, "{"},
      {"customer", "mypage", "MypageService.WatchMypage", id, false,
       "MYPAGE_NOT_FOUND"},
      // Ends with the caller's patience.
      {"customer", "mypage", "MypageService.WatchMypages",
       R"({"customer_id":1})", false, "\"complete\": true", "-max-time 15"},
  };
}

class GrpcClientsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { system_ = new System; }
  static void TearDownTestSuite() {
    delete system_;
    system_ = nullptr;
  }

  static std::string Gateway() {
    return (*system_)["GATEWAY_URL"].substr(sizeof("http://") - 1);
  }
  static std::string Address(const std::string& service) {
    std::string name = service;
    for (char& c : name) c = static_cast<char>(toupper(c));
    return (*system_)[name + "_ADDR"];
  }
  static Ran Grpcurl(const std::string& arguments) {
    return RunCommand(absl::StrCat(
        SOURCE_DIR, "/.tools/bin/grpcurl -plaintext -max-time 10 ", arguments));
  }
  // The option that brings the token of subject 1.
  static std::string Token(const std::string& role) {
    const auto [name, value] = system_->As(role, "1");
    return absl::StrCat("-H '", name, ": ", value, "'");
  }
  static void CallEveryRpc(
      const std::function<std::string(const Rpc&)>& where) {
    for (const Rpc& rpc : Rpcs()) {
      std::string method = rpc.method;
      method[method.find('.')] = '/';
      const std::string name =
          absl::StrCat("restaurant.", rpc.service, ".v1.", method);
      const Ran ran =
          Grpcurl(absl::StrCat(rpc.options, " ", Token(rpc.role), " -d '",
                               rpc.request, "' ", where(rpc), " ", name));
      EXPECT_THAT(ran.output, HasSubstr(rpc.expected)) << name;
      EXPECT_EQ(ran.exit_code == 0, rpc.ok) << name << "\n" << ran.output;
    }
  }

  static System* system_;
};

System* GrpcClientsTest::system_ = nullptr;

TEST_F(GrpcClientsTest, EachServiceListsAndDescribesItself) {
  for (const char* service : {"order", "cook", "delivery", "mypage"}) {
    const std::string address = Address(service);
    const Ran list = Grpcurl(address + " list");
    EXPECT_THAT(list.output,
                HasSubstr(absl::StrCat("restaurant.", service, ".v1.")));
    EXPECT_THAT(list.output, HasSubstr("grpc.health.v1.Health"));
    const Ran describe = Grpcurl(address + " describe");
    EXPECT_EQ(describe.exit_code, 0) << describe.output;
    EXPECT_THAT(describe.output, HasSubstr("rpc "));
    for (const char* check : {R"({})", R"({"service":"liveness"})"}) {
      const Ran health = Grpcurl(absl::StrCat("-d '", check, "' ", address,
                                              " grpc.health.v1.Health/Check"));
      EXPECT_THAT(health.output, HasSubstr("SERVING"));
      EXPECT_THAT(health.output, testing::Not(HasSubstr("NOT_SERVING")));
    }
  }
}

TEST_F(GrpcClientsTest, EachServiceAnswersEveryRpc) {
  CallEveryRpc([](const Rpc& rpc) { return Address(rpc.service); });
}

TEST_F(GrpcClientsTest, TheGatewayListsAndDescribesAll) {
  const Ran list = Grpcurl(Gateway() + " list");
  for (const char* service :
       {"order.v1.OrderService", "cook.v1.CookService",
        "delivery.v1.DeliveryService", "mypage.v1.MypageService"}) {
    EXPECT_THAT(list.output, HasSubstr(absl::StrCat("restaurant.", service)));
    const Ran describe =
        Grpcurl(absl::StrCat(Gateway(), " describe restaurant.", service));
    EXPECT_EQ(describe.exit_code, 0) << describe.output;
    EXPECT_THAT(describe.output, HasSubstr("rpc "));
  }
  const Ran health = Grpcurl(Gateway() + " grpc.health.v1.Health/Check");
  EXPECT_THAT(health.output, HasSubstr("\"SERVING\""));
}

TEST_F(GrpcClientsTest, TheGatewayAnswersEveryRpc) {
  CallEveryRpc([](const Rpc&) { return Gateway(); });
}

// gRPC clients get gRPC errors from the gateway, not JSON.
TEST_F(GrpcClientsTest, ARefusalThroughTheGatewayIsAGrpcStatus) {
  const Ran bad = Grpcurl(
      absl::StrCat(Token("customer"), " -d '{\"customer_id\":-1}' ", Gateway(),
                   " restaurant.order.v1.OrderService/PlaceOrder"));
  EXPECT_THAT(bad.output, HasSubstr("InvalidArgument"));
  EXPECT_THAT(bad.output, HasSubstr("customer_id"));
}

}  // namespace
}  // namespace e2e
