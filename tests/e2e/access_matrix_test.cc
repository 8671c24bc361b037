// Who may call what, cell by cell: every RPC, with every kind of token, as JSON
// and as gRPC through the gateway and straight at the service. The table is
// printed. What the cells should say is written down here, apart from the code.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "google/api/annotations.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "httplib.h"
#include "platform/auth/jwt.h"
#include "restaurant/cook/v1/cook_service.pb.h"
#include "restaurant/delivery/v1/delivery_service.pb.h"
#include "restaurant/mypage/v1/mypage_service.pb.h"
#include "restaurant/order/v1/order_service.pb.h"
#include "tests/e2e/system.h"
#include "tests/support/process.h"
#include "tests/support/tokens.h"

namespace e2e {
namespace {

using ::google::protobuf::MethodDescriptor;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr int kOk = grpc::StatusCode::OK;
constexpr int kNotFound = grpc::StatusCode::NOT_FOUND;
constexpr int kDenied = grpc::StatusCode::PERMISSION_DENIED;
constexpr int kNobody = grpc::StatusCode::UNAUTHENTICATED;

struct Person {
  std::string role;
  std::string subject;
  std::vector<int> restaurants = {};
};

// Those the fixture's orders belong to, and others of the same role.
const Person kCustomer{"customer", "1"};
const Person kOtherCustomer{"customer", "2"};
const Person kKitchen{"kitchen", "kitchen", {6, 7}};
const Person kOtherKitchen{"kitchen", "kitchen", {8}};
const Person kCourier{"courier", "courier"};
const Person kOtherCourier{"courier", "another"};
const Person kOperator{"operator", "operator"};
const Person kOtherOperator{"operator", "another"};
const std::vector<Person> kEverybody = {kCustomer, kKitchen, kCourier,
                                        kOperator};

// How one RPC is called, and by whom.
struct Row {
  json request;
  std::vector<std::string> may;  // roles
  Person right;
  Person other;               // of the same role, with no business there …
  int for_other = kNotFound;  // … and what he is told
};

struct Result {
  int code = -1;  // of gRPC; by the HTTP status for JSON
  std::string reason;
  std::string text;
};

enum class Way { kJson, kGrpc, kStraight };
constexpr Way kWays[] = {Way::kJson, Way::kGrpc, Way::kStraight};

class AccessMatrixTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = new System;
    for (const char* service : {"order", "cook", "delivery", "mypage"}) {
      channels_[service] =
          Channel((*system_)[absl::AsciiStrToUpper(service) + "_ADDR"]);
    }
    channels_["gateway"] = Channel(GatewayAddress());
  }
  static void TearDownTestSuite() {
    channels_.clear();
    delete system_;
    system_ = nullptr;
  }

  static std::shared_ptr<grpc::Channel> Channel(const std::string& target) {
    return grpc::CreateChannel(target, grpc::InsecureChannelCredentials());
  }
  static std::string GatewayAddress() {
    return (*system_)["GATEWAY_URL"].substr(sizeof("http://") - 1);
  }

  static std::vector<const MethodDescriptor*> Methods() {
    std::vector<const MethodDescriptor*> methods;
    for (const auto* message :
         {restaurant::order::v1::PlaceOrderRequest::descriptor(),
          restaurant::cook::v1::CancelTicketRequest::descriptor(),
          restaurant::delivery::v1::GetDeliveryRequest::descriptor(),
          restaurant::mypage::v1::GetMypageRequest::descriptor()}) {
      const auto* service = message->file()->service(0);
      for (int i = 0; i < service->method_count(); ++i) {
        methods.push_back(service->method(i));
      }
    }
    return methods;
  }
  // "order", from restaurant.order.v1.
  static std::string ServiceOf(const MethodDescriptor* method) {
    return std::vector<std::string>(
        absl::StrSplit(method->file()->package(), '.'))[1];
  }

  static json ClaimsOf(const Person& person) {
    json claims = test_support::ClaimsOf(person.role, person.subject);
    if (!person.restaurants.empty()) claims["restaurants"] = person.restaurants;
    return claims;
  }
  // Signed with a key of RUN_DIR/auth.
  static std::string Sign(const json& claims, const std::string& key = "people",
                          const std::string& id = "") {
    return platform::auth::SignToken(
               test_support::ReadFile((*system_)["AUTH_DIR"] + "/" + key +
                                      ".pem"),
               id.empty() ? key : id, claims.dump())
        .value();
  }
  static std::string Token(const Person& person) {
    return Sign(ClaimsOf(person));
  }

  static Result Call(Way way, const MethodDescriptor* method,
                     const json& request, const std::string& token) {
    return way == Way::kJson ? CallJson(method, request, token)
                             : CallGrpc(way, method, request, token);
  }

  // `authorization` as often as `token` has lines.
  static Result CallGrpc(Way way, const MethodDescriptor* method,
                         const json& request, const std::string& token) {
    google::protobuf::DynamicMessageFactory factory;
    const std::unique_ptr<google::protobuf::Message> message(
        factory.GetPrototype(method->input_type())->New());
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(request.dump(),
                                                            message.get())
                    .ok());
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    for (absl::string_view one :
         absl::StrSplit(token, '\n', absl::SkipEmpty())) {
      context.AddMetadata("authorization", absl::StrCat("Bearer ", one));
    }
    grpc::GenericStub stub(
        channels_[way == Way::kStraight ? ServiceOf(method) : "gateway"]);
    grpc::CompletionQueue queue;
    const auto done = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call = stub.PrepareCall(
        &context,
        absl::StrCat("/", method->service()->full_name(), "/", method->name()),
        &queue);
    call->StartCall(nullptr);
    done();
    const grpc::Slice slice(message->SerializeAsString());
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    done();
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    const bool answered = done();
    // A stream that has begun goes on; that is enough.
    if (answered && method->server_streaming()) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    done();
    if (answered) return {kOk, "", ""};
    return {status.error_code(), ReasonIn(status.error_details()),
            status.error_message()};
  }

  // Of the ErrorInfo in a google.rpc.Status.
  static std::string ReasonIn(const std::string& details) {
    google::rpc::Status status;
    google::rpc::ErrorInfo info;
    const bool is = status.ParseFromString(details) &&
                    status.details_size() > 0 &&
                    status.details(0).UnpackTo(&info);
    return is ? info.reason() : "";
  }

  static Result CallJson(const MethodDescriptor* method, json request,
                         const std::string& token) {
    const google::api::HttpRule& rule =
        method->options().GetExtension(google::api::http);
    httplib::Request http;
    std::string pattern;
    const auto take = [&](const char* verb, const std::string& path) {
      if (path.empty()) return;
      http.method = verb;
      pattern = path;
    };
    take("GET", rule.get());
    take("POST", rule.post());
    take("PUT", rule.put());
    take("DELETE", rule.delete_());
    const json fields = request;
    for (const auto& [name, value] : fields.items()) {
      const std::string field = absl::StrCat("{", name, "}");
      if (!absl::StrContains(pattern, field)) continue;
      pattern = absl::StrReplaceAll(
          pattern, {{field, value.is_string() ? value.get<std::string>()
                                              : value.dump()}});
      request.erase(name);
    }
    if (rule.body() == "*") {
      http.body = request.dump();
      http.headers.emplace("content-type", "application/json");
    } else {
      char separator = '?';
      for (const auto& [name, value] : request.items()) {
        absl::StrAppend(
            &pattern, std::string(1, separator), name, "=",
            value.is_string() ? value.get<std::string>() : value.dump());
        separator = '&';
      }
    }
    http.path = pattern;
    if (!token.empty())
      http.headers.emplace("authorization", "Bearer " + token);
    Result result;
    http.response_handler = [&](const httplib::Response& response) {
      result.code = CodeOf(response.status);
      // A stream does not end by itself.
      return result.code != kOk || !method->server_streaming();
    };
    httplib::Client client((*system_)["GATEWAY_URL"]);
    client.set_read_timeout(20, 0);
    client.set_url_encode(false);
    if (const httplib::Result answer = client.send(http)) {
      result.text = answer->body;
      const json body = json::parse(answer->body, nullptr, false);
      if (result.code != kOk && body.is_object()) {
        result.reason = body["details"][0].value("reason", "");
        EXPECT_EQ(body.value("code", -1), result.code) << answer->body;
      }
    }
    return result;
  }
  static int CodeOf(int http_status) {
    switch (http_status) {
      case 200:
        return kOk;
      case 401:
        return kNobody;
      case 403:
        return kDenied;
      case 404:
        return kNotFound;
      default:
        return 1000 + http_status;
    }
  }

  // The tables whose rows a refused call must not change.
  static std::string Everything() {
    std::string all;
    for (const auto& [service, table] :
         std::vector<std::pair<std::string, std::string>>{
             {"order", "orders"},
             {"order", "outbox"},
             {"cook", "tickets"},
             {"cook", "stocks"},
             {"cook", "stock_ledger"},
             {"delivery", "deliveries"}}) {
      // Of an event only that it is there: the relay marks it.
      const std::string what = table == "outbox" ? "t.event_id" : "t";
      absl::StrAppend(
          &all, table, " ",
          system_->Sql(service,
                       absl::StrCat("SELECT count(*), md5(string_agg(", what,
                                    "::text, ',' ORDER BY ", what,
                                    "::text)) FROM ", table, " t")),
          "\n");
    }
    return all;
  }

  // An order of customer 1 at restaurant 7 that is being cooked.
  static std::string Cooking() {
    std::string id = system_->Place(1, 7, 1, 1);
    EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
              "TICKET_STATUS_COOKING");
    return id;
  }

  static std::map<std::string, Row> Rows();

  static System* system_;
  static inline std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

System* AccessMatrixTest::system_ = nullptr;

std::map<std::string, Row> AccessMatrixTest::Rows() {
  system_->SetStock(7, 1, 100);
  const std::string order = Cooking();
  const std::string delivered = Cooking();
  EXPECT_EQ(system_->Post("/cooks/" + delivered + ":finish", "{}").status, 200);
  EXPECT_EQ(
      system_->WaitFor(delivered, "delivery_status", "DELIVERY_STATUS_STARTED"),
      "DELIVERY_STATUS_STARTED");
  const json by_id = {{"order_id", order}};
  const json wish = {{"customer_id", 1},
                     {"restaurant_id", 7},
                     {"restaurant_menu_id", 1},
                     {"qty", 1}};
  const json of_customer = {{"customer_id", 1}};
  const json of_restaurant = {{"restaurant_id", 7}};
  const json item = {{"restaurant_id", 7}, {"restaurant_menu_id", 1}};
  const std::vector<std::string> only_customer = {"customer"};
  const std::vector<std::string> customer = {"customer", "operator"};
  const std::vector<std::string> kitchen = {"kitchen", "operator"};
  const std::vector<std::string> courier = {"courier", "operator"};
  const json to_deliver = {{"order_id", delivered}};
  return {
      {"PlaceOrder", {wish, only_customer, kCustomer, kOtherCustomer, kDenied}},
      {"GetOrder", {by_id, customer, kCustomer, kOtherCustomer}},
      {"ListOrders",
       {of_customer, customer, kCustomer, kOtherCustomer, kDenied}},
      {"CancelOrder",
       {{{"order_id", Cooking()}}, only_customer, kCustomer, kOtherCustomer}},
      {"CancelTicket",
       {{{"order_id", Cooking()}},
        {"operator"},
        kOperator,
        kOtherOperator,
        kOk}},
      {"ListCancellations",
       {of_restaurant, kitchen, kKitchen, kOtherKitchen, kDenied}},
      {"GetTicket", {by_id, kitchen, kKitchen, kOtherKitchen}},
      {"ListTickets",
       {of_restaurant, kitchen, kKitchen, kOtherKitchen, kDenied}},
      {"FinishCooking",
       {{{"order_id", Cooking()}}, {"kitchen"}, kKitchen, kOtherKitchen}},
      {"GetStock", {item, kitchen, kKitchen, kOtherKitchen, kDenied}},
      {"SetStock",
       {{{"restaurant_id", 7}, {"restaurant_menu_id", 2}, {"on_hand", 5}},
        {"kitchen"},
        kKitchen,
        kOtherKitchen,
        kDenied}},
      {"ListStock", {of_restaurant, kitchen, kKitchen, kOtherKitchen, kDenied}},
      {"GetDelivery", {to_deliver, courier, kCourier, kOtherCourier, kOk}},
      {"ListDeliveries",
       {json::object(), courier, kCourier, kOtherCourier, kOk}},
      {"CompleteDelivery",
       {to_deliver, {"courier"}, kCourier, kOtherCourier, kOk}},
      {"GetMypage", {by_id, customer, kCustomer, kOtherCustomer}},
      {"ListMypages",
       {of_customer, customer, kCustomer, kOtherCustomer, kDenied}},
      {"WatchMypage", {by_id, customer, kCustomer, kOtherCustomer}},
      {"WatchMypages",
       {of_customer, customer, kCustomer, kOtherCustomer, kDenied}},
  };
}

// One column: the tokens to try on a row, and what each must be told.
struct Attempt {
  std::string token;
  int expected = kNobody;
};
constexpr const char* kColumns[] = {
    "none",      "expired",  "not yet", "issuer", "audience", "alg none",
    "wrong key", "tampered", "other",   "role",   "right"};

std::vector<Attempt> AttemptsOf(
    const std::string& column, const Row& row,
    const std::function<json(const Person&)>& claims_of,
    const std::function<std::string(const json&)>& sign) {
  const json good = claims_of(row.right);
  const auto with = [&](const char* name, const json& value) {
    json claims = good;
    claims[name] = value;
    return std::vector<Attempt>{{sign(claims)}};
  };
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  if (column == "none") return {{""}};
  if (column == "expired") return with("exp", now - 60);
  if (column == "not yet") return with("nbf", now + 600);
  if (column == "issuer") return with("iss", "somebody");
  if (column == "audience") return with("aud", "somebody");
  if (column == "alg none") {
    return {{absl::StrCat(
        absl::WebSafeBase64Escape(R"({"alg":"none","kid":"people"})"), ".",
        absl::WebSafeBase64Escape(good.dump()), ".")}};
  }
  if (column == "wrong key") {
    static const auto* const stranger =
        new test_support::KeyPair(test_support::NewEcKey("people"));
    return {
        {platform::auth::SignToken(stranger->private_pem, "people", good.dump())
             .value()}};
  }
  if (column == "tampered") {
    // Somebody else's claims under this signature.
    std::vector<std::string> parts = absl::StrSplit(sign(good), '.');
    parts[1] = absl::WebSafeBase64Escape(claims_of(kOtherOperator).dump());
    return {{absl::StrCat(parts[0], ".", parts[1], ".", parts[2])}};
  }
  if (column == "other") return {{sign(claims_of(row.other)), row.for_other}};
  std::vector<Attempt> attempts;
  for (const Person& person : kEverybody) {
    const bool may =
        std::find(row.may.begin(), row.may.end(), person.role) != row.may.end();
    if (may != (column == "right")) continue;
    attempts.push_back({sign(claims_of(person)), may ? kOk : kDenied});
  }
  return attempts;
}

TEST_F(AccessMatrixTest, EveryCell) {
  const std::map<std::string, Row> rows = Rows();
  // Those who are let in come last: nothing may have changed until then.
  std::map<std::string, std::map<std::string, std::string>> table;
  int cells = 0;
  const auto run = [&](const MethodDescriptor* method, const Row& row,
                       const std::string& column) {
    const std::vector<Attempt> attempts = AttemptsOf(
        column, row, ClaimsOf, [](const json& claims) { return Sign(claims); });
    ASSERT_FALSE(attempts.empty()) << method->name() << ", " << column;
    std::string shown;
    for (const Way way : kWays) {
      int seen = 0;
      for (const Attempt& attempt : attempts) {
        const Result result = Call(way, method, row.request, attempt.token);
        EXPECT_EQ(result.code, attempt.expected)
            << method->full_name() << ", " << column << ", way "
            << static_cast<int>(way) << ": " << result.text;
        seen = std::max(seen, result.code);
      }
      absl::StrAppend(&shown, shown.empty() ? "" : " ", seen);
      ++cells;
    }
    table[method->name()][column] = shown;
  };
  std::vector<const MethodDescriptor*> methods = Methods();
  for (const MethodDescriptor* method : methods) {
    ASSERT_TRUE(rows.contains(method->name()))
        << method->full_name() << " has no row";
  }
  const auto let_in = [&](const MethodDescriptor* method,
                          const std::string& column) {
    return column == "right" ||
           (column == "other" && rows.at(method->name()).for_other == kOk);
  };
  const std::string before = Everything();
  for (const bool welcome : {false, true}) {
    for (const MethodDescriptor* method : methods) {
      for (const char* column : kColumns) {
        if (let_in(method, column) != welcome) continue;
        run(method, rows.at(method->name()), column);
      }
    }
    if (!welcome) {
      EXPECT_EQ(Everything(), before) << "a refused call did something";
    }
  }

  std::printf("gRPC codes: gateway JSON, gateway gRPC, straight\n%-18s", "");
  for (const char* column : kColumns) std::printf("%-10s", column);
  for (const MethodDescriptor* method : methods) {
    std::printf("\n%-18s", method->name().c_str());
    for (const char* column : kColumns) {
      std::printf("%-10s", table[method->name()][column].c_str());
    }
  }
  const int all =
      static_cast<int>(methods.size() * std::size(kColumns) * std::size(kWays));
  std::printf("\n%d of %d cells\n", cells, all);
  EXPECT_EQ(cells, all);
}

// To the last byte, or ids could be probed.
TEST_F(AccessMatrixTest, NotYoursIsAsIfItDidNotExist) {
  const std::map<std::string, Row> rows = Rows();
  int compared = 0;
  for (const MethodDescriptor* method : Methods()) {
    const Row& row = rows.at(method->name());
    if (row.for_other != kNotFound) continue;
    const std::string id = row.request["order_id"];
    json unknown = row.request;
    unknown["order_id"] = kUnknownId;
    const std::string token = Token(row.other);
    for (const Way way : kWays) {
      const Result theirs = Call(way, method, row.request, token);
      const Result nothing = Call(way, method, unknown, token);
      EXPECT_EQ(absl::StrReplaceAll(theirs.text, {{id, kUnknownId}}),
                nothing.text)
          << method->name();
      EXPECT_EQ(theirs.code, nothing.code);
      EXPECT_THAT(nothing.text, HasSubstr(kUnknownId));
      ++compared;
    }
  }
  EXPECT_GE(compared, 5 * 3);
}

// Nothing but the one token says who somebody is.
TEST_F(AccessMatrixTest, OneTokenInItsPlaceIsTheOnlyIdentity) {
  const MethodDescriptor* get_order = Methods()[1];
  ASSERT_EQ(get_order->name(), "GetOrder");
  const json request = {{"order_id", Cooking()}};
  const std::string mine = Token(kCustomer);
  const std::string path = "/orders/" + request["order_id"].get<std::string>();
  const Headers none = {{"authorization", ""}};
  EXPECT_EQ(system_->Get(path + "?access_token=" + mine, none).Reason(),
            "TOKEN_MISSING");
  for (const char* header : {"x-user", "x-customer-id", "x-caller-service",
                             "x-forwarded-user", "x-jwt-payload", "cookie"}) {
    EXPECT_EQ(
        system_->Get(path, {{"authorization", ""}, {header, mine}}).status, 401)
        << header;
  }
  const Answer other =
      system_->Get(path, {{"authorization", "Bearer " + Token(kOtherCustomer)},
                          {"x-caller-service", "order"},
                          {"x-user", "1"}});
  EXPECT_EQ(other.status, 404);
  // Two: whoever reads them might each believe another one.
  const std::string two = absl::StrCat(Token(kOtherCustomer), "\n", mine);
  EXPECT_EQ(Call(Way::kStraight, get_order, request, two).code, kNobody);
  EXPECT_NE(Call(Way::kGrpc, get_order, request, two).code, kOk);
}

TEST_F(AccessMatrixTest, RefusalsSayWhy) {
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  json expired = ClaimsOf(kCustomer);
  expired["exp"] = now - 60;
  json early = ClaimsOf(kCustomer);
  early["nbf"] = now + 60;
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"", "TOKEN_MISSING"},
      {Sign(expired), "TOKEN_EXPIRED"},
      {Sign(early), "TOKEN_NOT_YET_VALID"},
      {"x", "TOKEN_INVALID"}};
  const MethodDescriptor* get_order = Methods()[1];
  for (const auto& [token, reason] : refused) {
    for (const Way way : kWays) {
      const Result result =
          Call(way, get_order, {{"order_id", kUnknownId}}, token);
      EXPECT_EQ(result.code, kNobody) << result.text;
      EXPECT_EQ(result.reason, reason) << "way " << static_cast<int>(way);
    }
  }
  EXPECT_EQ(system_
                ->Get("/orders?customer_id=2",
                      {{"authorization", "Bearer " + Token(kCustomer)}})
                .Reason(),
            "NOT_YOURS");
  EXPECT_EQ(system_
                ->Get("/orders?customer_id=1",
                      {{"authorization", "Bearer " + Token(kCourier)}})
                .Reason(),
            "ROLE_NOT_ALLOWED");
  // A path that leads nowhere is nobody's to explore either.
  EXPECT_EQ(system_->Get("/nothing", {{"authorization", ""}}).status, 401);
  EXPECT_EQ(system_->Get("/nothing").status, 404);
}

// The order service's key: for CancelTicket, straight, as itself, and no more.
TEST_F(AccessMatrixTest, TheOrderServiceMayCancelTicketsAndNothingElse) {
  const auto token = [](const std::string& subject) {
    json claims = test_support::ClaimsOf("operator", subject);
    claims["iss"] = "restaurant-services";
    return Sign(claims, "order");
  };
  json request = {{"order_id", "01890000-0000-7000-8000-0000000000aa"},
                  {"restaurant_id", 7},
                  {"restaurant_menu_id", 1},
                  {"customer_id", 1},
                  {"qty", 1},
                  {"by", "customer"}};
  for (const MethodDescriptor* method : Methods()) {
    const bool cancel = method->name() == "CancelTicket";
    const json body = cancel ? request : json::object();
    EXPECT_EQ(Call(Way::kStraight, method, body, token("order")).code,
              cancel ? kOk : kDenied)
        << method->name();
    EXPECT_EQ(Call(Way::kStraight, method, body, token("cook")).code, kNobody);
    for (const Way way : {Way::kJson, Way::kGrpc}) {
      EXPECT_EQ(Call(way, method, body, token("order")).code, kNobody);
    }
  }
  // An operator who says the same makes no tombstone, and cancels as himself.
  request["order_id"] = kUnknownId;
  EXPECT_EQ(system_->Post("/cancellations", request.dump()).Reason(),
            "TICKET_NOT_FOUND");
  request["order_id"] = Cooking();
  EXPECT_EQ(system_->Post("/cancellations", request.dump()).status, 200);
  EXPECT_EQ(
      system_->Sql(
          "cook",
          absl::StrCat("SELECT cancelled_by FROM tickets WHERE order_id = '",
                       request["order_id"].get<std::string>(), "'")),
      "operator");
}

// Keys are the owner's, and no program's words hold a secret or a token.
TEST_F(AccessMatrixTest, KeysAndTokensStayWhereTheyBelong) {
  EXPECT_EQ(RunCommand("stat -c '%a' " + (*system_)["AUTH_DIR"] + " " +
                       (*system_)["AUTH_DIR"] + "/*.pem")
                .output,
            "700\n600\n600\n");
  const std::string token = Token(kCustomer);
  ASSERT_EQ(
      system_
          ->Get("/orders?customer_id=1", {{"authorization", "Bearer " + token}})
          .status,
      200);
  const std::string log = system_->run_dir() + "/log";
  EXPECT_NE(RunCommand("grep -rq 'eyJ' " + log).exit_code, 0);
  EXPECT_NE(RunCommand("grep -rq 'PRIVATE KEY' " + log).exit_code, 0);
  EXPECT_EQ(RunCommand("grep -q ListOrders " + log + "/order.log").exit_code,
            0);
}

TEST_F(AccessMatrixTest, TheScriptsTokensAreAccepted) {
  const struct {
    const char* options;
    const char* path;
  } cases[] = {{"--customer 42", "/orders?customer_id=42"},
               {"--kitchen 7,8 --ttl 1m", "/cooks?restaurant_id=8"},
               {"--courier", "/deliveries"},
               {"--operator", "/cancellations"}};
  for (const auto& c : cases) {
    Ran ran = system_->Script(absl::StrCat("token ", c.options));
    ASSERT_EQ(ran.exit_code, 0) << ran.output;
    absl::StripTrailingAsciiWhitespace(&ran.output);
    EXPECT_EQ(system_->Get(c.path, {{"authorization", "Bearer " + ran.output}})
                  .status,
              200)
        << c.options;
  }
  for (const char* bad : {"", "--customer 0", "--customer x", "--kitchen 1,",
                          "--customer 1 --ttl 0", "--customer 1 --courier"}) {
    EXPECT_NE(system_->Script(absl::StrCat("token ", bad)).exit_code, 0) << bad;
  }
}

// Without authentication: everybody may do everything, and the log says so.
TEST(OpenSystemTest, AsksForNoToken) {
  System system(std::map<std::string, std::string>{{"AUTH", "off"}});
  const Answer placed = system.Post(
      "/orders",
      R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})",
      {{"authorization", ""}});
  EXPECT_EQ(placed.status, 200) << placed.text;
  EXPECT_EQ(system.Get("/deliveries", {{"authorization", "Bearer x"}}).status,
            200);
  for (const char* service : {"order", "cook", "delivery", "mypage"}) {
    EXPECT_EQ(
        RunCommand(absl::StrCat("grep -q 'authentication is off' ",
                                system.run_dir(), "/log/", service, ".log"))
            .exit_code,
        0)
        << service;
  }
}

}  // namespace
}  // namespace e2e
