// The stories of scripts/demo, as tests: docs/life-of-an-order.md, executable.

#include <future>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "restaurant/order/v1/order_events.pb.h"
#include "tests/e2e/system.h"
#include "tests/support/eventually.h"

namespace e2e {
namespace {

using ::test_support::Eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::vector<std::string> Statuses(const nlohmann::json& mypage) {
  std::vector<std::string> statuses;
  for (const nlohmann::json& entry : mypage["timeline"]) {
    statuses.push_back(entry["status"]);
  }
  return statuses;
}

class LifeOfAnOrderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { system_ = new System; }
  static void TearDownTestSuite() {
    delete system_;
    system_ = nullptr;
  }

  // A menu item that no other test uses.
  static int NextMenu() { return ++menu_; }

  static System* system_;
  static int menu_;
};

System* LifeOfAnOrderTest::system_ = nullptr;
int LifeOfAnOrderTest::menu_ = 0;

TEST_F(LifeOfAnOrderTest, IsOrderedCookedAndDelivered) {
  const int menu = NextMenu();
  system_->SetStock(1, menu, 10);
  const std::string id = system_->Place(42, 1, menu, 2);

  EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  EXPECT_EQ(system_->Stock(1, menu), 8);

  EXPECT_EQ(system_->Post("/cooks/" + id + ":finish", "{}").status, 200);
  EXPECT_EQ(system_->WaitFor(id, "delivery_status", "DELIVERY_STATUS_STARTED"),
            "DELIVERY_STATUS_STARTED");

  EXPECT_EQ(system_->Post("/deliveries/" + id + ":complete", "{}").status, 200);
  // From two streams, in either order.
  EXPECT_EQ(
      system_->WaitFor(id, "delivery_status", "DELIVERY_STATUS_DELIVERED"),
      "DELIVERY_STATUS_DELIVERED");
  EXPECT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_COMPLETED"),
            "ORDER_STATUS_COMPLETED");

  const nlohmann::json mypage = system_->Mypage(id);
  EXPECT_EQ(mypage["customer_id"], 42);
  EXPECT_EQ(mypage["qty"], 2);
  EXPECT_EQ(mypage["cook_status"], "TICKET_STATUS_COOKED");
  EXPECT_THAT(Statuses(mypage),
              ElementsAre("ORDERED", "COOKING", "COOKED", "DELIVERY_STARTED",
                          "DELIVERED", "COMPLETED"));
  std::string before;
  for (const nlohmann::json& entry : mypage["timeline"]) {
    const std::string at = entry["at"];
    EXPECT_GE(at, before);
    before = at;
    EXPECT_NE(entry["by"], "");
  }
}

TEST_F(LifeOfAnOrderTest, ACancelCancelsTheTicketInTheSameCall) {
  const int menu = NextMenu();
  system_->SetStock(1, menu, 5);
  const std::string id = system_->Place(42, 1, menu, 3);
  ASSERT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  ASSERT_EQ(system_->Stock(1, menu), 2);

  const Answer cancelled =
      system_->Delete("/orders/" + id + "?reason=too%20late");

  // No waiting: the ticket and the stock are what the answer says.
  ASSERT_EQ(cancelled.status, 200) << cancelled.text;
  EXPECT_EQ(cancelled.body["order"]["status"], "ORDER_STATUS_CANCELLED");
  EXPECT_EQ(system_->Get("/cooks/" + id).body["ticket"]["status"],
            "TICKET_STATUS_CANCELLED");
  EXPECT_EQ(system_->Stock(1, menu), 5);
  EXPECT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_CANCELLED"),
            "ORDER_STATUS_CANCELLED");
  EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_CANCELLED"),
            "TICKET_STATUS_CANCELLED");
  EXPECT_THAT(system_->Get("/cancellations").text, HasSubstr(id));

  const Answer again = system_->Post("/orders/" + id + ":cancel", "{}");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, cancelled.body);
  EXPECT_EQ(system_->Stock(1, menu), 5);
}

TEST_F(LifeOfAnOrderTest, ACancelAfterTheDishIsDoneIsRefused) {
  const int menu = NextMenu();
  system_->SetStock(1, menu, 1);
  const std::string id = system_->Place(42, 1, menu, 1);
  ASSERT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  ASSERT_EQ(system_->Post("/cooks/" + id + ":finish", "{}").status, 200);

  const Answer refused = system_->Delete("/orders/" + id);

  EXPECT_EQ(refused.status, 400) << refused.text;
  EXPECT_EQ(refused.Reason(), "ALREADY_COOKED");
  const nlohmann::json order = system_->Get("/orders/" + id).body["order"];
  EXPECT_EQ(order["status"], "ORDER_STATUS_ORDERED");
  EXPECT_EQ(order["version"], 1);
  EXPECT_EQ(system_->Stock(1, menu), 0);
}

TEST_F(LifeOfAnOrderTest, ShortStockRejectsTheOrder) {
  const int menu = NextMenu();
  system_->SetStock(1, menu, 2);
  const std::string id = system_->Place(42, 1, menu, 3);

  EXPECT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_REJECTED"),
            "ORDER_STATUS_REJECTED");
  // Heard of on another stream, maybe later.
  EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_REJECTED"),
            "TICKET_STATUS_REJECTED");
  EXPECT_EQ(system_->Stock(1, menu), 2);
  const Answer refused = system_->Delete("/orders/" + id);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.Reason(), "ORDER_REJECTED");
}

TEST_F(LifeOfAnOrderTest, AnOperatorsCancelReachesTheOrder) {
  const int menu = NextMenu();
  system_->SetStock(1, menu, 1);
  const std::string id = system_->Place(42, 1, menu, 1);
  ASSERT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");

  const Answer cancelled = system_->Post(
      "/cancellations",
      absl::StrCat(R"({"order_id":")", id, R"(","reason":"fire"})"));

  EXPECT_EQ(cancelled.status, 200) << cancelled.text;
  EXPECT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_CANCELLED"),
            "ORDER_STATUS_CANCELLED");
  EXPECT_EQ(system_->Stock(1, menu), 1);
}

TEST_F(LifeOfAnOrderTest, OnlyTheOrderServiceMakesTombstones) {
  const std::string body =
      R"({"order_id":"01890000-0000-7000-8000-000000000001","restaurant_id":1,)"
      R"("restaurant_menu_id":1,"customer_id":1,"qty":1,"by":"customer"})";

  const Answer refused = system_->Post("/cancellations", body);

  EXPECT_EQ(refused.status, 404) << refused.text;
  EXPECT_EQ(refused.Reason(), "TICKET_NOT_FOUND");
}

TEST_F(LifeOfAnOrderTest, OneKeyIsOneOrderHoweverParallel) {
  const std::string body =
      R"({"customer_id":7,"restaurant_id":1,"restaurant_menu_id":900,"qty":1})";
  std::vector<std::future<Answer>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      return system_->Post("/orders", body, {{"Idempotency-Key", "key-50"}});
    }));
  }
  std::set<std::string> answers;
  for (auto& call : calls) {
    const Answer answer = call.get();
    EXPECT_EQ(answer.status, 200) << answer.text;
    answers.insert(answer.text);
  }
  EXPECT_EQ(answers.size(), 1U);
  EXPECT_EQ(system_->Sql("order",
                         "SELECT count(*) FROM orders WHERE customer_id = 7"),
            "1");

  const Answer other = system_->Post(
      "/orders",
      R"({"customer_id":7,"restaurant_id":1,"restaurant_menu_id":900,"qty":2})",
      {{"Idempotency-Key", "key-50"}});
  EXPECT_EQ(other.status, 409) << other.text;
  EXPECT_EQ(other.Reason(), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(system_->Sql("order",
                         "SELECT count(*) FROM orders WHERE customer_id = 7"),
            "1");
}

TEST_F(LifeOfAnOrderTest, AWriteCanBeReadAtOnce) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = system_->Place(8, 1, 901, 1);

    const Answer view = system_->Get("/mypages/" + id + "?min_order_version=1");

    ASSERT_EQ(view.status, 200) << view.text;
    EXPECT_GE(view.body["mypage"]["order_version"], 1);
  }
  const std::string id = system_->Place(8, 1, 901, 1);
  const Answer never = system_->Get("/mypages/" + id + "?min_order_version=99");
  EXPECT_EQ(never.status, 409) << never.text;
  EXPECT_EQ(never.Reason(), "VERSION_NOT_REACHED");
}

TEST_F(LifeOfAnOrderTest, ListsArePagedWhileOrdersComeIn) {
  std::set<std::string> placed;
  for (int i = 0; i < 25; ++i) placed.insert(system_->Place(9, 1, 902, 1));
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] {
    return system_->Sql(
               "mypage",
               "SELECT count(*) FROM mypage_views WHERE customer_id = 9"
               " AND order_version > 0") == "25";
  }));
  for (const std::string list : {"orders", "mypages"}) {
    std::set<std::string> seen;
    std::string token;
    do {
      const Answer page =
          system_->Get("/" + list + "?customer_id=9&page_size=10" + token);
      ASSERT_EQ(page.status, 200) << page.text;
      for (const nlohmann::json& row : page.body[list]) {
        EXPECT_TRUE(seen.insert(row["order_id"]).second) << "twice: " << row;
      }
      const std::string next = page.body.value("next_page_token", "");
      token = next.empty() ? "" : "&page_token=" + next;
      system_->Place(9, 1, 902, 1);  // a newer one does not shift the pages
    } while (!token.empty());
    EXPECT_THAT(seen, IsSupersetOf(placed)) << list;
  }
}

TEST_F(LifeOfAnOrderTest, TheSeedsSearchWorks) {
  const std::string id = system_->Place(10, 1, 903, 1);
  ASSERT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_REJECTED"),
            "ORDER_STATUS_REJECTED");

  const Answer found =
      system_->Get("/mypages/search/findByOrderId?orderId=" + id);

  ASSERT_EQ(found.status, 200) << found.text;
  EXPECT_EQ(found.body["mypage"]["order_id"], id);
}

// Garbage is parked with its reason, the next good order is not held up, and
// what was parked can be applied once its cause is gone.
TEST_F(LifeOfAnOrderTest, GarbageIsParkedAndItsNeighboursAreNot) {
  const int menu = NextMenu();
  system_->SetStock(1, menu, 10);
  const std::string parked =
      "SELECT count(*) FROM dead_letters WHERE redriven_at IS NULL";
  const int before = std::stoi(system_->Sql("cook", parked));

  auto jetstream =
      platform::events::JetStream::Connect(system_->BrokerAs("order"));
  ASSERT_TRUE(jetstream.ok());
  Publish(**jetstream, {.subject = "restaurant.order.ordered",
                        .headers = {},
                        .payload = std::string("\xff\x00 garbage", 10)});

  const std::string id = system_->Place(11, 1, menu, 1);
  EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return std::stoi(system_->Sql("cook", parked)) > before;
  }));
  const Ran list = system_->Command("cook", "dead-letters list");
  EXPECT_EQ(list.exit_code, 0) << list.output;
  EXPECT_THAT(list.output, HasSubstr("restaurant.order.ordered"));
  EXPECT_NE(system_->Command("cook", "dead-letters redrive all").exit_code, 0);
}

// What was parked and is good is applied by a redrive, once, however often it
// was parked.
TEST_F(LifeOfAnOrderTest, AParkedOrderIsCookedByARedriveOnce) {
  const std::string id = "01890000-0000-7000-8000-00000000c001";
  const std::string event = "01890000-0000-7000-8000-00000000c002";
  const int menu = NextMenu();
  system_->SetStock(1, menu, 10);
  restaurant::order::v1::Ordered ordered;
  auto& order = *ordered.mutable_order();
  order.set_order_id(id);
  order.set_customer_id(13);
  order.set_restaurant_id(1);
  order.set_restaurant_menu_id(menu);
  order.set_qty(3);
  order.set_status(restaurant::order::v1::ORDER_STATUS_ORDERED);
  order.set_version(1);
  // As the relay makes them.
  const nlohmann::json headers = {{"Nats-Msg-Id", event},
                                  {"ce-id", event},
                                  {"ce-type", "restaurant.order.v1.Ordered"},
                                  {"ce-source", "order"},
                                  {"ce-subject", id},
                                  {"ce-time", "2026-01-02T03:04:05.678901Z"},
                                  {"ce-specversion", "1.0"},
                                  {"ce-aggregateversion", "1"},
                                  {"content-type", "application/protobuf"}};
  const auto park = [&](int sequence) {
    system_->Sql(
        "cook",
        absl::StrCat("INSERT INTO dead_letters (durable, stream, "
                     "stream_sequence, event_id, subject, headers, payload, "
                     "reason) VALUES ('cook', 'ORDER', ",
                     sequence, ", '", event, "', 'restaurant.order.ordered', '",
                     headers.dump(), "', decode('",
                     absl::BytesToHexString(ordered.SerializeAsString()),
                     "', 'hex'), 'a test')"));
  };
  // All that the kitchen has of it.
  const auto kitchen = [&] {
    return system_->Sql(
        "cook",
        absl::StrCat("SELECT t, (SELECT count(*) FROM outbox WHERE "
                     "aggregate_id = order_id), (SELECT count(*) FROM "
                     "stock_ledger l WHERE l.order_id = t.order_id) FROM "
                     "tickets t WHERE order_id = '",
                     id, "'"));
  };
  park(1);
  ASSERT_THAT(system_->Command("cook", "dead-letters list").output,
              HasSubstr(event));

  const Ran redriven =
      system_->Command("cook", "dead-letters redrive " + event);

  EXPECT_EQ(redriven.exit_code, 0) << redriven.output;
  EXPECT_EQ(system_->Get("/cooks/" + id).body["ticket"]["status"],
            "TICKET_STATUS_COOKING");
  EXPECT_EQ(system_->Stock(1, menu), 7);
  EXPECT_THAT(system_->Command("cook", "dead-letters list").output,
              Not(HasSubstr(event)));
  const std::string once = kitchen();
  EXPECT_THAT(once, HasSubstr("|1|1"));

  park(2);
  const Ran again = system_->Command("cook", "dead-letters redrive " + event);

  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_EQ(kitchen(), once);
  EXPECT_EQ(system_->Stock(1, menu), 7);
  EXPECT_THAT(system_->Command("cook", "dead-letters list").output,
              Not(HasSubstr(event)));
}

// Drops the projection and rebuilds it while reads go on.
TEST_F(LifeOfAnOrderTest, TheProjectionCanBeRebuilt) {
  const std::string rows =
      "SELECT md5(string_agg(v::text, ',' ORDER BY order_id)) FROM "
      "mypage_views v";
  const std::string id = system_->Place(12, 1, 904, 1);
  ASSERT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_REJECTED"),
            "ORDER_STATUS_REJECTED");
  ASSERT_TRUE(system_->ComesToRest());  // whatever other tests left behind
  const std::string before = system_->Sql("mypage", rows);
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0;
  auto reader = std::async(std::launch::async, [&] {
    while (!stop) {
      const int status = system_->Get("/mypages?customer_id=12").status;
      EXPECT_EQ(status, 200);
      ++reads;
      absl::SleepFor(absl::Milliseconds(5));
    }
  });

  system_->Sql("mypage", "TRUNCATE mypage_views; DELETE FROM inbox");
  const Ran rebuilt = system_->Command("mypage", "rebuild");
  stop = true;
  reader.get();

  EXPECT_EQ(rebuilt.exit_code, 0) << rebuilt.output;
  EXPECT_GT(reads, 0);
  EXPECT_EQ(system_->Sql("mypage", rows), before);
}

}  // namespace
}  // namespace e2e
