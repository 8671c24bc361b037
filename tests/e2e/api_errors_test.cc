// Bad input and trouble, as a client of the gateway sees them: always JSON,
// always the canonical code with a reason, the field named, nothing written.

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/e2e/system.h"
#include "tests/support/eventually.h"

namespace e2e {
namespace {

using ::test_support::Eventually;

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::StartsWith;

// `answer` is the gateway's or a service's own "no" of this kind.
void ExpectRefusal(const Answer& answer, int status, int code,
                   const std::string& reason) {
  EXPECT_EQ(answer.status, status) << answer.text.substr(0, 300);
  ASSERT_TRUE(answer.body.is_object());
  EXPECT_EQ(answer.body.value("code", 0), code);
  EXPECT_EQ(answer.Reason(), reason);
}

// It says when to come back, in its body and, in whole seconds, its header.
void ExpectComeBack(const Answer& answer) {
  const absl::Duration delay = answer.RetryDelay();
  EXPECT_THAT(delay, AllOf(Ge(absl::Seconds(1)), Le(absl::Seconds(3))));
  EXPECT_EQ(
      answer.Header("retry-after"),
      absl::StrCat(absl::ToInt64Seconds(absl::Ceil(delay, absl::Seconds(1)))));
}

class ApiErrorsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { system_ = new System; }
  static void TearDownTestSuite() {
    delete system_;
    system_ = nullptr;
  }
  static System* system_;
};

System* ApiErrorsTest::system_ = nullptr;

TEST_F(ApiErrorsTest, ABadFieldIsNamedAndNothingIsWritten) {
  struct Case {
    const char* body;
    const char* field;
  };
  const std::string rows = system_->Sql("order", "SELECT count(*) FROM orders");
  for (
      const Case& c : {
          Case{R"({"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
               "customer_id"},
          Case{
              R"({"customer_id":-1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
              "customer_id"},
          Case{R"({"customer_id":1,"restaurant_menu_id":1,"qty":1})",
               "restaurant_id"},
          Case{R"({"customer_id":1,"restaurant_id":1,"qty":1})",
               "restaurant_menu_id"},
          Case{R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1})",
               "qty"},
          Case{
              R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":0})",
              "qty"},
          Case{
              R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":101})",
              "qty"},
          Case{
              R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":-2147483648})",
              "qty"},
          Case{
              R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1,"request_id":"a b'; DROP TABLE orders --"})",
              "request_id"},
          Case{"{}", "qty"},
      }) {
    const Answer answer = system_->Post("/orders", c.body);
    EXPECT_EQ(answer.status, 400) << c.body << answer.text;
    EXPECT_EQ(answer.Reason(), "INVALID_FIELD") << c.body;
    EXPECT_THAT(answer.BadFields(), Contains(c.field)) << c.body;
  }
  EXPECT_EQ(system_->Sql("order", "SELECT count(*) FROM orders"), rows);
}

// What the transcoder itself refuses.
TEST_F(ApiErrorsTest, AnUnreadableBodyIsABadRequest) {
  struct Case {
    const char* body;
    const char* named;  // in the message
  };
  for (
      const Case& c : {
          Case{R"({"customer_id":)", ""},
          Case{"not json", ""},
          Case{"[1,2]", ""},
          Case{
              R"({"customer_id":"many","restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
              "customer_id"},
          Case{
              R"({"customer_id":99999999999,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
              "customer_id"},
          Case{
              R"({"customer_id":1.5,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
              "customer_id"},
          Case{
              R"({"customer_id":{"a":1},"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
              "customer_id"},
      }) {
    SCOPED_TRACE(c.body);
    const Answer answer = system_->Post("/orders", c.body);
    ExpectRefusal(answer, 400, 3, "INVALID_REQUEST");
    EXPECT_THAT(
        answer.body.value("message", ""),
        AllOf(StartsWith("The request cannot be read."), HasSubstr(c.named)));
  }
}

TEST_F(ApiErrorsTest, InvalidUtf8IsABadRequest) {
  const Answer answer = system_->Post(
      "/orders",
      "{\"customer_id\":1,\"restaurant_id\":1,\"restaurant_menu_id\":1,"
      "\"qty\":1,\"request_id\":\"\xff\xfe\"}");
  ExpectRefusal(answer, 400, 3, "INVALID_REQUEST");
}

TEST_F(ApiErrorsTest, ReadsCheckTheirFieldsToo) {
  struct Case {
    const char* path;
    const char* field;
  };
  for (const Case& c : {
           Case{"/orders/not-a-uuid", "order_id"},
           Case{"/orders/x%27%20OR%20true--", "order_id"},
           Case{"/orders", "customer_id"},
           Case{"/orders?customer_id=0", "customer_id"},
           Case{"/orders?customer_id=1&page_size=101", "page_size"},
           Case{"/orders?customer_id=1&page_size=-1", "page_size"},
           Case{"/orders?customer_id=1&page_token=forged", "page_token"},
           Case{"/cooks/not-a-uuid", "order_id"},
           Case{"/cooks", "restaurant_id"},
           Case{"/restaurants/0/menus/1/stock", "restaurant_id"},
           Case{"/restaurants/1/menus/-1/stock", "restaurant_menu_id"},
           Case{"/restaurants/0/stock", "restaurant_id"},
           Case{"/cancellations?page_size=1000", "page_size"},
           Case{"/deliveries/not-a-uuid", "order_id"},
           Case{"/deliveries?page_size=1000", "page_size"},
           Case{"/mypages/not-a-uuid", "order_id"},
           Case{"/mypages", "customer_id"},
           Case{"/mypages?customer_id=1&page_token=%00", "page_token"},
       }) {
    const Answer answer = system_->Get(c.path);
    EXPECT_EQ(answer.status, 400) << c.path << answer.text;
    EXPECT_EQ(answer.Reason(), "INVALID_FIELD") << c.path << answer.text;
    EXPECT_THAT(answer.BadFields(), Contains(c.field)) << c.path;
  }
}

TEST_F(ApiErrorsTest, BadEnumsAndUnknownParametersAreRefused) {
  struct Case {
    const char* path;
    const char* named;  // in the message
  };
  for (const Case& c :
       {Case{"/orders?customer_id=1&status=NO_SUCH_STATUS", "NO_SUCH_STATUS"},
        Case{"/orders?customer_id=abc", "abc"},
        Case{"/orders?customer_id=1&no_such_parameter=1", "no_such_parameter"},
        Case{"/deliveries?status=99", "99"}}) {
    SCOPED_TRACE(c.path);
    const Answer answer = system_->Get(c.path);
    ExpectRefusal(answer, 400, 3, "INVALID_REQUEST");
    EXPECT_THAT(answer.body.value("message", ""), HasSubstr(c.named));
  }
}

TEST_F(ApiErrorsTest, WritesCheckTheirFieldsToo) {
  const Answer stock =
      system_->Put("/restaurants/1/menus/1/stock", R"({"on_hand":1000001})");
  EXPECT_EQ(stock.status, 400);
  EXPECT_THAT(stock.BadFields(), Contains("on_hand"));
  const Answer negative =
      system_->Put("/restaurants/1/menus/1/stock", R"({"on_hand":-1})");
  EXPECT_THAT(negative.BadFields(), Contains("on_hand"));
  const Answer reason = system_->Post(
      absl::StrCat("/orders/", kUnknownId, ":cancel"),
      absl::StrCat(R"({"reason":")", std::string(201, 'x'), R"("})"));
  EXPECT_EQ(reason.status, 400) << reason.text;
  EXPECT_THAT(reason.BadFields(), Contains("reason"));
  const Answer cancellation = system_->Post("/cancellations", "{}");
  EXPECT_THAT(cancellation.BadFields(), Contains("order_id"));
}

TEST_F(ApiErrorsTest, UnknownIdsAreNotFoundWithTheirReason) {
  const struct {
    Answer answer;
    const char* reason = "";
  } cases[] = {
      {system_->Get(absl::StrCat("/orders/", kUnknownId)), "ORDER_NOT_FOUND"},
      {system_->Delete(absl::StrCat("/orders/", kUnknownId)),
       "ORDER_NOT_FOUND"},
      {system_->Get(absl::StrCat("/cooks/", kUnknownId)), "TICKET_NOT_FOUND"},
      {system_->Post(absl::StrCat("/cooks/", kUnknownId, ":finish"), "{}"),
       "TICKET_NOT_FOUND"},
      {system_->Get(absl::StrCat("/deliveries/", kUnknownId)),
       "DELIVERY_NOT_FOUND"},
      {system_->Post(absl::StrCat("/deliveries/", kUnknownId, ":complete"),
                     "{}"),
       "DELIVERY_NOT_FOUND"},
      {system_->Get(absl::StrCat("/mypages/", kUnknownId)), "MYPAGE_NOT_FOUND"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(c.answer.status, 404) << c.reason << c.answer.text;
    EXPECT_EQ(c.answer.Reason(), c.reason) << c.answer.text;
    EXPECT_EQ(c.answer.body.value("code", 0), 5);
  }
}

// What has ended cannot be ended in another way.
TEST_F(ApiErrorsTest, WhatComesTooLateIsRefusedWithItsReason) {
  system_->SetStock(1, 80, 2);
  const std::string done = system_->Place(1, 1, 80, 1);
  const std::string cancelled = system_->Place(1, 1, 80, 1);
  for (const std::string& id : {done, cancelled}) {
    ASSERT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
              "TICKET_STATUS_COOKING");
  }
  const std::string rejected = system_->Place(1, 1, 80, 1);
  ASSERT_EQ(system_->WaitFor(rejected, "order_status", "ORDER_STATUS_REJECTED"),
            "ORDER_STATUS_REJECTED");
  ASSERT_EQ(system_->Delete("/orders/" + cancelled).status, 200);
  ASSERT_EQ(system_->Post("/cooks/" + done + ":finish", "{}").status, 200);
  ASSERT_EQ(
      system_->WaitFor(done, "delivery_status", "DELIVERY_STATUS_STARTED"),
      "DELIVERY_STATUS_STARTED");
  ASSERT_EQ(system_->Post("/deliveries/" + done + ":complete", "{}").status,
            200);
  ASSERT_EQ(system_->WaitFor(done, "order_status", "ORDER_STATUS_COMPLETED"),
            "ORDER_STATUS_COMPLETED");

  const auto finish = [](const std::string& id) {
    return system_->Post("/cooks/" + id + ":finish", "{}");
  };
  const auto cancel_ticket = [](const std::string& id) {
    return system_->Post("/cancellations",
                         absl::StrCat(R"({"order_id":")", id, R"("})"));
  };
  ExpectRefusal(finish(cancelled), 400, 9, "TICKET_CANCELLED");
  ExpectRefusal(finish(rejected), 400, 9, "QUANTITY_OVER");
  ExpectRefusal(cancel_ticket(done), 400, 9, "ALREADY_COOKED");
  ExpectRefusal(cancel_ticket(rejected), 400, 9, "QUANTITY_OVER");
  ExpectRefusal(system_->Delete("/orders/" + done), 400, 9, "ORDER_COMPLETED");
  ExpectRefusal(system_->Delete("/orders/" + rejected), 400, 9,
                "ORDER_REJECTED");
}

TEST_F(ApiErrorsTest, UnknownPathsAreJson404) {
  for (const char* path : {"/kitchen/1", "/nothing", "/orders/1/2/3",
                           "/restaurant.order.v1.OrderService/Nothing"}) {
    SCOPED_TRACE(path);
    ExpectRefusal(system_->Get(path), 404, 5, "PATH_NOT_FOUND");
  }
  ExpectRefusal(
      system_->Post(absl::StrCat("/orders/", kUnknownId, ":bogus"), "{}"), 404,
      5, "PATH_NOT_FOUND");
}

TEST_F(ApiErrorsTest, TooLargeBodiesAreRefused) {
  const Answer answer = system_->Post(
      "/orders", absl::StrCat(R"({"request_id":")",
                              std::string(size_t{70} * 1024, 'x'), R"("})"));
  ExpectRefusal(answer, 413, 3, "BODY_TOO_LARGE");
}

TEST_F(ApiErrorsTest, ABodyKeyAndAHeaderKeyMustAgree) {
  const char body[] =
      R"({"request_id":"one","customer_id":1,"restaurant_id":1,)"
      R"("restaurant_menu_id":1,"qty":1})";
  const Answer answer =
      system_->Post("/orders", body, {{"Idempotency-Key", "two"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.BadFields(), Contains("request_id"));
  EXPECT_EQ(system_->Post("/orders", body, {{"Idempotency-Key", "one"}}).status,
            200);
}

// The trace id that a client sends is in the services' logs.
TEST_F(ApiErrorsTest, ATraceIsFollowed) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const Answer placed = system_->Post(
      "/orders",
      R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":77,"qty":1})",
      {{"traceparent", "00-" + trace + "-00f067aa0ba902b7-01"}});
  ASSERT_EQ(placed.status, 200);
  ASSERT_EQ(system_->WaitFor(placed.body["order"]["order_id"], "order_status",
                             "ORDER_STATUS_REJECTED"),
            "ORDER_STATUS_REJECTED");
  for (const char* log : {"order", "cook", "mypage"}) {
    EXPECT_EQ(RunCommand(absl::StrCat("grep -q ", trace, " ",
                                      system_->run_dir(), "/log/", log, ".log"))
                  .exit_code,
              0)
        << log;
  }
}

// An upstream that is away is a JSON 503 with a time to come back.
TEST_F(ApiErrorsTest, AnAbsentServiceIsAPolite503) {
  ASSERT_EQ(system_->Script("stop delivery").exit_code, 0);

  const Answer answer = system_->Get(absl::StrCat("/deliveries/", kUnknownId));

  ExpectRefusal(answer, 503, 14, "SERVICE_UNAVAILABLE");
  ExpectComeBack(answer);
  ASSERT_EQ(system_->Script("start delivery").exit_code, 0);
}

// One that has too much in hand refuses as the services do, whoever asks: the
// gateway's breaker is open. New orders have a breaker of their own.
TEST_F(ApiErrorsTest, AnOpenBreakerIsAPolite429) {
  const auto set_limit = [](const char* priority, const char* value) {
    ASSERT_EQ(RunCommand(absl::StrCat("curl -sfX POST 'http://127.0.0.1:",
                                      (*system_)["GATEWAY_ADMIN_PORT"],
                                      "/runtime_modify?circuit_breakers.order.",
                                      priority, ".max_requests=", value, "'"))
                  .exit_code,
              0);
  };
  const std::string path = absl::StrCat("/orders/", kUnknownId);
  set_limit("default", "0");

  // The gateway's threads hear of it one after the other.
  for (const char* orders : {"/orders", "/orders/"}) {
    Answer answer;
    EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
      answer = system_->Post(orders, R"({"customer_id":1,"qty":0})");
      return answer.status == 429;
    })) << answer.text;
    ExpectRefusal(answer, 429, 8, "OVERLOADED");
    ExpectComeBack(answer);
  }
  // Not all at once.
  std::set<absl::Duration> delays;
  for (int i = 0; i < 5; ++i) {
    delays.insert(
        system_->Post("/orders", R"({"customer_id":1,"qty":0})").RetryDelay());
  }
  EXPECT_THAT(delays, SizeIs(Ge(2U)));
  EXPECT_EQ(system_->Get(path).status, 404) << "reads have to get through";

  set_limit("high", "0");
  Ran ran;
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    ran = RunCommand(absl::StrCat(
        SOURCE_DIR, "/.tools/bin/grpcurl -plaintext -max-time 10 -H '",
        "authorization: Bearer ", system_->Token("operator", "1"),
        "' -d '{\"order_id\":\"", kUnknownId,
        "\"}' 127.0.0.1:", (*system_)["GATEWAY_PORT"],
        " restaurant.order.v1.OrderService/GetOrder"));
    return absl::StrContains(ran.output, "ResourceExhausted");
  })) << ran.output;
  EXPECT_THAT(ran.output,
              AllOf(HasSubstr("OVERLOADED"), HasSubstr("retryDelay")));

  // As it was.
  set_limit("default", "");
  set_limit("high", "");
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return system_->Get(path).status == 404; }));
}

}  // namespace
}  // namespace e2e
