// The description of the API, against what the gateway really answers: every
// operation is called, and every answer is as described.

#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "tests/e2e/system.h"
#include "tests/support/process.h"

namespace e2e {
namespace {

using ::testing::HasSubstr;

constexpr char kDescription[] = BINARY_DIR "/openapi/openapi.json";

// Calls the gateway and keeps what it answers.
class Recorder {
 public:
  explicit Recorder(const System& system)
      : system_(system), file_(dir_.path() + "/answers") {}

  Answer Get(const std::string& path) {
    return Record("GET", path, system_.Get(path));
  }
  Answer Post(const std::string& path, const std::string& body) {
    return Record("POST", path, system_.Post(path, body));
  }
  Answer Put(const std::string& path, const std::string& body) {
    return Record("PUT", path, system_.Put(path, body));
  }
  Answer Delete(const std::string& path) {
    return Record("DELETE", path, system_.Delete(path));
  }
  // Reads a stream of events until it ends.
  void Events(const std::string& path) {
    const Answer answer = system_.Get(path);
    EXPECT_EQ(answer.status, 200) << answer.text;
    std::vector<std::string> events;
    for (size_t at = 0; at < answer.text.size();) {
      const size_t end = answer.text.find("\n\n", at);
      ASSERT_NE(end, std::string::npos);
      const std::string event = answer.text.substr(at, end - at);
      ASSERT_TRUE(absl::StartsWith(event, "data: ")) << event;
      Note("GET", path, answer.status, nlohmann::json::parse(event.substr(6)));
      at = end + 2;
    }
  }

  // What the checker says of all this.
  Ran Check() {
    file_.close();
    return RunCommand(absl::StrCat(SOURCE_DIR
                                   "/.tools/openapi/venv/bin/python " SOURCE_DIR
                                   "/tests/e2e/openapi_check.py ",
                                   kDescription, " ", dir_.path(), "/answers"));
  }

 private:
  Answer Record(const std::string& method, const std::string& path,
                Answer answer) {
    Note(method, path, answer.status, answer.body);
    return answer;
  }
  void Note(const std::string& method, const std::string& path, int status,
            const nlohmann::json& body) {
    file_ << nlohmann::json{{"method", method},
                            {"path", path.substr(0, path.find('?'))},
                            {"status", status},
                            {"body", body}}
                 .dump()
          << "\n";
  }

  const System& system_;
  const test_support::TempDir dir_;
  std::ofstream file_;
};

TEST(OpenApiTest, EveryOperationAnswersAsDescribed) {
  // Watches end soon, so that they can be read like any answer.
  const System system(std::map<std::string, std::string>{
      {"MYPAGE_FLAGS", "--watch_max_age=1s --watch_heartbeat=100ms"}});
  Recorder gateway(system);
  const std::string stock = "/restaurants/3/menus/12/stock";
  const auto order = [&](int qty) {
    return absl::StrCat(R"({"customer_id":7,"restaurant_id":3,)",
                        R"("restaurant_menu_id":12,"qty":)", qty, "}");
  };
  EXPECT_EQ(gateway.Put(stock, R"({"on_hand":20})").status, 200);

  // One is delivered, one cancelled, one rejected.
  const auto place = [&](int qty) -> std::string {
    return gateway.Post("/orders", order(qty)).body["order"]["order_id"];
  };
  const std::string one = place(2);
  const std::string two = place(3);
  const std::string three = place(99);
  const std::string four = place(1);
  for (const std::string& id : {one, two, four}) {
    EXPECT_EQ(system.WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
              "TICKET_STATUS_COOKING");
  }
  EXPECT_EQ(gateway.Delete("/orders/" + two).status, 200);
  EXPECT_EQ(
      gateway.Post("/orders/" + four + ":cancel", R"({"reason":"no"})").status,
      200);
  EXPECT_EQ(system.WaitFor(three, "order_status", "ORDER_STATUS_REJECTED"),
            "ORDER_STATUS_REJECTED");
  EXPECT_EQ(gateway.Post("/cooks/" + one + ":finish", "{}").status, 200);
  EXPECT_EQ(system.WaitFor(one, "delivery_status", "DELIVERY_STATUS_STARTED"),
            "DELIVERY_STATUS_STARTED");
  EXPECT_EQ(gateway.Post("/deliveries/" + one + ":complete", "{}").status, 200);
  EXPECT_EQ(system.WaitFor(one, "order_status", "ORDER_STATUS_COMPLETED"),
            "ORDER_STATUS_COMPLETED");
  EXPECT_EQ(gateway
                .Post("/cancellations",
                      absl::StrCat(R"({"order_id":")", two,
                                   R"(","customer_id":7,"restaurant_id":3,)",
                                   R"("restaurant_menu_id":12,"qty":3})"))
                .status,
            200);

  for (const std::string& path :
       {"/orders/" + one, "/orders/" + two, "/orders/" + three,
        std::string("/orders?customer_id=7&page_size=1"), "/cooks/" + one,
        "/cooks/" + three, std::string("/cooks?restaurant_id=3"),
        std::string("/cancellations?restaurant_id=3"), stock,
        std::string("/restaurants/3/stock"), "/deliveries/" + one,
        std::string("/deliveries"), "/mypages/" + one, "/mypages/" + two,
        "/mypages/search/findByOrderId?order_id=" + three,
        std::string("/mypages?customer_id=7")}) {
    EXPECT_EQ(gateway.Get(path).status, 200) << path;
  }
  gateway.Events("/mypages/" + one + ":watch");
  gateway.Events("/mypages:watch?customer_id=7");

  // And errors of every kind.
  EXPECT_EQ(gateway.Get("/orders/1").status, 400);
  EXPECT_EQ(gateway.Get("/orders/0197e3b0-0000-7000-8000-000000000001").status,
            404);
  EXPECT_EQ(gateway.Delete("/orders/" + one).status, 400);
  EXPECT_EQ(gateway.Post("/orders", order(0)).status, 400);
  EXPECT_EQ(gateway.Get("/mypages:watch").status, 400);
  system.Script("stop delivery");
  EXPECT_EQ(gateway.Get("/deliveries").status, 503);

  // Anybody may read it.
  const Answer described = system.Get("/openapi.json", {{"authorization", ""}});
  EXPECT_EQ(described.text, test_support::ReadFile(kDescription));
  EXPECT_EQ(described.Header("content-type"), "application/json");
  const Answer page = system.Get("/api", {{"authorization", ""}});
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.text, HasSubstr("/mypages/{order_id}:watch"));
  EXPECT_EQ(system.Get("/api.css", {{"authorization", ""}}).status, 200);

  const Ran checked = gateway.Check();
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
}

}  // namespace
}  // namespace e2e
