// Something is away; orders go on, and what was missed is made up for.

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "tests/e2e/system.h"
#include "tests/support/eventually.h"

namespace e2e {
namespace {

using ::test_support::Eventually;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// What a stream holds, as it was published.
std::vector<platform::events::OutMessage> Captured(
    platform::events::JetStream& jetstream, const std::string& stream) {
  std::vector<platform::events::OutMessage> all;
  const std::string consumer = "e2e-capture";
  const nlohmann::json create = {{"stream_name", stream},
                                 {"config",
                                  {{"name", consumer},
                                   {"deliver_policy", "all"},
                                   {"ack_policy", "none"},
                                   {"mem_storage", true}}}};
  const std::string path = absl::StrCat(stream, ".", consumer);
  const auto created =
      jetstream.Api("CONSUMER.CREATE." + path, create.dump(), absl::Seconds(5));
  EXPECT_TRUE(created.ok()) << created.status();
  const auto pull = jetstream.PullFrom(stream, consumer);
  EXPECT_TRUE(pull.ok()) << pull.status();
  if (!pull.ok()) return all;
  for (uint64_t pending = 1; pending > 0;) {
    auto messages = (*pull)->Next(1000, absl::Seconds(5));
    EXPECT_TRUE(messages.ok() && !messages->empty()) << messages.status();
    if (!messages.ok() || messages->empty()) break;
    pending = messages->back().pending;
    for (platform::events::InMessage& in : *messages) {
      all.push_back({.subject = std::move(in.subject),
                     .headers = std::move(in.headers),
                     .payload = std::move(in.payload)});
    }
  }
  EXPECT_TRUE(
      jetstream.Api("CONSUMER.DELETE." + path, "", absl::Seconds(5)).ok());
  return all;
}

class OutagesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { system_ = new System; }
  static void TearDownTestSuite() {
    delete system_;
    system_ = nullptr;
  }
  static System* system_;
};

System* OutagesTest::system_ = nullptr;

TEST_F(OutagesTest, OrdersWaitInTheOutboxWhileTheBrokerIsAway) {
  system_->SetStock(2, 1, 100);
  ASSERT_EQ(system_->Script("stop nats").exit_code, 0);

  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(system_->Place(20, 2, 1, 1));

  EXPECT_EQ(
      system_->Sql("order",
                   "SELECT count(*) FROM outbox WHERE published_at IS NULL"),
      "10");
  EXPECT_EQ(system_->Stock(2, 1), 100);
  ASSERT_EQ(system_->Script("start nats").exit_code, 0);
  const absl::Time back = absl::Now();
  for (const std::string& id : ids) {
    EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
              "TICKET_STATUS_COOKING");
  }
  EXPECT_LE(absl::Now() - back, absl::Seconds(10));
  EXPECT_EQ(system_->Stock(2, 1), 90);
}

// Every message of every stream is published again five times, with message ids
// that the broker does not know.
TEST_F(OutagesTest, DuplicatesChangeNothing) {
  system_->SetStock(2, 2, 100);
  const std::string done = system_->Place(21, 2, 2, 2);
  ASSERT_EQ(system_->WaitFor(done, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  ASSERT_EQ(system_->Post("/cooks/" + done + ":finish", "{}").status, 200);
  ASSERT_EQ(
      system_->WaitFor(done, "delivery_status", "DELIVERY_STATUS_STARTED"),
      "DELIVERY_STATUS_STARTED");
  const std::string cancelled = system_->Place(21, 2, 2, 3);
  ASSERT_EQ(system_->Delete("/orders/" + cancelled).status, 200);
  ASSERT_TRUE(system_->ComesToRest());
  const auto state = [] {
    std::string all;
    for (const auto& [service, table, key] :
         {std::tuple{"order", "orders", "order_id"},
          std::tuple{"cook", "tickets", "order_id"},
          std::tuple{"cook", "stocks", "restaurant_id, restaurant_menu_id"},
          std::tuple{"cook", "stock_ledger", "entry_id"},
          std::tuple{"delivery", "deliveries", "order_id"},
          std::tuple{"mypage", "mypage_views", "order_id"},
          std::tuple{"order", "outbox", "event_id"},
          std::tuple{"cook", "outbox", "event_id"},
          std::tuple{"delivery", "outbox", "event_id"},
          std::tuple{"order", "dead_letters", "stream, stream_sequence"},
          std::tuple{"cook", "dead_letters", "stream, stream_sequence"},
          std::tuple{"delivery", "dead_letters", "stream, stream_sequence"},
          std::tuple{"mypage", "dead_letters", "stream, stream_sequence"}}) {
      // The relay's own columns may change; what happened may not.
      const std::string row = std::string(table) == "outbox"
                                  ? "(event_id, aggregate_id, version)"
                                  : "t";
      absl::StrAppend(
          &all, table, " ",
          system_->Sql(service, absl::StrCat("SELECT md5(string_agg(", row,
                                             "::text, ',' ORDER BY ", key,
                                             ")) FROM ", table, " t")),
          "\n");
    }
    return all;
  };
  const std::string before = state();

  int published = 0;
  const auto jetstream =
      platform::events::JetStream::Connect(system_->BrokerAs("operator"));
  ASSERT_TRUE(jetstream.ok());
  ASSERT_TRUE(
      Eventually(absl::Seconds(5), [&] { return (*jetstream)->connected(); }));
  for (const char* stream : {"ORDER", "COOK", "DELIVERY"}) {
    for (platform::events::OutMessage& message :
         Captured(**jetstream, stream)) {
      const auto id = std::find_if(
          message.headers.begin(), message.headers.end(),
          [](const auto& header) { return header.first == "Nats-Msg-Id"; });
      ASSERT_NE(id, message.headers.end());
      for (int i = 0; i < 5; ++i) {
        absl::StrAppend(&id->second, ":again");
        Publish(**jetstream, message);
        ++published;
      }
    }
  }
  ASSERT_GT(published, 25);
  ASSERT_TRUE(system_->ComesToRest());

  EXPECT_EQ(state(), before);
}

TEST_F(OutagesTest, CookAwayNeverBlocksOrderingAndACancelPends) {
  system_->SetStock(2, 3, 10);
  const std::string cooking = system_->Place(22, 2, 3, 4);
  ASSERT_EQ(system_->WaitFor(cooking, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  ASSERT_EQ(system_->Script("stop cook --kill").exit_code, 0);

  const std::string unheard = system_->Place(22, 2, 3, 1);
  EXPECT_EQ(system_->Get("/orders/" + unheard).body["order"]["status"],
            "ORDER_STATUS_ORDERED");
  for (const std::string& id : {cooking, unheard}) {
    const absl::Time asked = absl::Now();
    const Answer pending = system_->Delete("/orders/" + id);
    EXPECT_EQ(pending.status, 200) << pending.text;
    EXPECT_EQ(pending.body["order"]["status"], "ORDER_STATUS_CANCEL_PENDING");
    EXPECT_LE(absl::Now() - asked, absl::Seconds(2));
  }

  ASSERT_EQ(system_->Script("start cook").exit_code, 0);
  const absl::Time in_time = absl::Now() + absl::Seconds(5);
  for (const std::string& id : {cooking, unheard}) {
    EXPECT_EQ(system_->WaitFor(id, "order_status", "ORDER_STATUS_CANCELLED",
                               in_time - absl::Now()),
              "ORDER_STATUS_CANCELLED");
  }
  for (const std::string& id : {cooking, unheard}) {
    EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_CANCELLED"),
              "TICKET_STATUS_CANCELLED");
    EXPECT_EQ(system_->Sql(
                  "cook", "SELECT count(*) FROM outbox WHERE aggregate_id = '" +
                              id + "' AND subject LIKE '%.cooked'"),
              "0");
  }
  // Once the gateway has seen that the kitchen is back.
  EXPECT_TRUE(
      Eventually(absl::Seconds(5), [&] { return system_->Stock(2, 3) == 10; }));
}

TEST_F(OutagesTest, PostgresAwayIsAPoliteRefusalAndThenItGoesOn) {
  const std::string body =
      R"({"customer_id":23,"restaurant_id":2,"restaurant_menu_id":4,"qty":1})";
  ASSERT_EQ(system_->Script("stop postgres").exit_code, 0);

  const auto is_refused = [&] {
    const Answer refused = system_->Post("/orders", body);
    EXPECT_THAT(refused.status, AnyOf(429, 503)) << refused.text;
    EXPECT_THAT(refused.Reason(), AnyOf("DATABASE_UNAVAILABLE", "OVERLOADED"));
    // The service's own time, on which the gateway does not improve.
    EXPECT_GT(refused.RetryDelay(), absl::ZeroDuration());
    EXPECT_EQ(refused.Header("retry-after"),
              absl::StrCat(absl::ToInt64Seconds(
                  absl::Ceil(refused.RetryDelay(), absl::Seconds(1)))));
  };
  is_refused();
  // Whoever were not ready would have lost his place at the gateway by now.
  absl::SleepFor(absl::Seconds(2));
  for (const char* address :
       {"ORDER_ADDR", "COOK_ADDR", "DELIVERY_ADDR", "MYPAGE_ADDR"}) {
    const Ran health = RunCommand(
        absl::StrCat(SOURCE_DIR "/.tools/bin/grpcurl -plaintext -max-time 5 ",
                     (*system_)[address], " grpc.health.v1.Health/Check"));
    EXPECT_THAT(health.output, HasSubstr("\"SERVING\"")) << address;
  }
  is_refused();

  ASSERT_EQ(system_->Script("start postgres").exit_code, 0);
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return system_->Post("/orders", body).status == 200;
  }));
  EXPECT_EQ(system_->Sql("order",
                         "SELECT count(*) FROM orders WHERE customer_id = 23"),
            "1");
}

// An operator deletes a durable and a whole stream: the provisioner restores
// them and reconcile publishes again what the stream has lost, with no effect
// twice.
TEST_F(OutagesTest, ALostStreamIsRepaired) {
  system_->SetStock(2, 5, 10);
  const std::string before = system_->Place(24, 2, 5, 1);
  ASSERT_EQ(system_->WaitFor(before, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  ASSERT_NO_FATAL_FAILURE(system_->DeleteStream("ORDER"));

  const std::string after = system_->Place(24, 2, 5, 1);
  EXPECT_EQ(system_->WaitFor(after, "cook_status", "TICKET_STATUS_COOKING",
                             absl::Seconds(20)),
            "TICKET_STATUS_COOKING");
  EXPECT_NE(system_->Command("order", "reconcile").exit_code, 0);
  const Ran repaired = system_->Command("order", "reconcile --repair");
  EXPECT_EQ(repaired.exit_code, 0) << repaired.output;
  const Ran again = system_->Command("order", "reconcile");
  EXPECT_EQ(again.exit_code, 0) << again.output;
  ASSERT_TRUE(system_->ComesToRest());
  EXPECT_EQ(system_->Stock(2, 5), 8);
}

// Calls again and again, from several threads, until it is told to stop.
class Callers {
 public:
  explicit Callers(const std::function<Answer()>& call) {
    for (int i = 0; i < 8; ++i) {
      threads_.emplace_back([this, call] {
        while (!stop_) {
          const Answer answer = call();
          ++(answer.status == 200 ? ok_ : failed_);
          if (answer.status != 200) {
            ADD_FAILURE() << answer.status << answer.text;
          }
        }
      });
    }
  }
  ~Callers() { Stop(); }
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int ok() const { return ok_; }
  int failed() const { return failed_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> ok_ = 0;
  std::atomic<int> failed_ = 0;
  std::vector<std::thread> threads_;
};

// SIGTERM while another instance serves: no request fails, exit code 0.
TEST_F(OutagesTest, AStoppingInstanceFailsNoRequest) {
  system_->SetStock(2, 6, 1);
  const std::string id = system_->Place(25, 2, 6, 1);
  ASSERT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  ASSERT_EQ(system_->Post("/cooks/" + id + ":finish", "{}").status, 200);
  ASSERT_EQ(system_->WaitFor(id, "delivery_status", "DELIVERY_STATUS_STARTED"),
            "DELIVERY_STATUS_STARTED");
  const std::string clusters = absl::StrCat(
      "curl -s http://127.0.0.1:", (*system_)["GATEWAY_ADMIN_PORT"],
      "/clusters");

  const struct {
    const char* service;
    const char* addresses;
    std::function<Answer()> call;
  } cases[] = {
      {"order", "ORDER_ADDRS",
       [] {
         return system_->Post(
             "/orders",
             R"({"customer_id":25,"restaurant_id":2,"restaurant_menu_id":6,"qty":1})");
       }},
      {"cook", "COOK_ADDRS",
       [&] { return system_->Post("/cooks/" + id + ":finish", "{}"); }},
      {"delivery", "DELIVERY_ADDRS",
       [&] { return system_->Get("/deliveries/" + id); }},
      {"mypage", "MYPAGE_ADDRS",
       [&] { return system_->Get("/mypages/" + id); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.service);
    const std::string service = c.service;
    ASSERT_EQ(system_->Script("start " + service + " --replica 2").exit_code,
              0);
    const std::vector<std::string> both =
        absl::StrSplit((*system_)[c.addresses], ',');
    ASSERT_EQ(both.size(), 2U);
    ASSERT_TRUE(Eventually(absl::Seconds(10), [&] {
      return absl::StrContains(
          RunCommand(clusters).output,
          absl::StrCat(service, "::", both[1], "::health_flags::healthy"));
    }));
    Callers callers(c.call);
    absl::SleepFor(absl::Seconds(1));

    const Ran stopped = system_->Script("stop " + service);

    absl::SleepFor(absl::Seconds(1));
    callers.Stop();
    EXPECT_EQ(stopped.exit_code, 0) << stopped.output;  // the service's own: 0
    EXPECT_EQ(callers.failed(), 0);
    EXPECT_GT(callers.ok(), 50);
    ASSERT_EQ(system_->Script("start " + service).exit_code, 0);
    ASSERT_EQ(system_->Script("stop " + service + " --replica 2").exit_code, 0);
  }
}

}  // namespace
}  // namespace e2e
