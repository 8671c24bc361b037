// kill -9 of each service in a loop under load, then: do all agree?
//
// KILL_SECONDS (default 120) says how long.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/thread/mutex.h"
#include "tests/e2e/system.h"
#include "tests/support/eventually.h"

namespace e2e {
namespace {

using ::test_support::Eventually;

TEST(KillTest, NothingAcknowledgedIsLostAndAllAgree) {
  int seconds = 120;
  if (const char* text = getenv("KILL_SECONDS")) {
    ASSERT_TRUE(absl::SimpleAtoi(text, &seconds));
  }
  const std::map<std::string, std::string> settings = {
      {"COOK_FLAGS", "--auto_cook_after=200ms"},
      {"DELIVERY_FLAGS", "--auto_deliver_after=200ms"}};
  System system(settings);
  constexpr int kMenus = 5;
  constexpr int kStock = 100000;
  for (int menu = 1; menu <= kMenus; ++menu) system.SetStock(4, menu, kStock);

  std::atomic<bool> stop = false;
  platform::Mutex mutex;
  std::set<std::string> acknowledged;
  std::set<std::string> cancelled;  // answered CANCELLED
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      while (!stop) {
        const Answer placed = system.Post(
            "/orders",
            absl::StrCat(R"({"customer_id":40,"restaurant_id":4,)",
                         R"("restaurant_menu_id":)", 1 + random() % kMenus,
                         R"(,"qty":)", 1 + random() % 3, "}"));
        if (placed.status != 200) {
          absl::SleepFor(absl::Milliseconds(50));
          continue;
        }
        const std::string id = placed.body["order"]["order_id"];
        bool gone = false;
        if (random() % 4 == 0) {
          const Answer answer = system.Delete("/orders/" + id);
          gone = answer.status == 200 &&
                 answer.body["order"]["status"] == "ORDER_STATUS_CANCELLED";
        }
        platform::MutexLock lock(mutex);
        acknowledged.insert(id);
        if (gone) cancelled.insert(id);
        absl::SleepFor(absl::Milliseconds(10));
      }
    });
  }

  const char* const victims[] = {"order", "cook", "delivery", "mypage"};
  const absl::Time end = absl::Now() + absl::Seconds(seconds);
  int kills = 0;
  for (; absl::Now() < end; ++kills) {
    const std::string victim = victims[kills % 4];
    const Ran killed = system.Script("stop " + victim + " --kill");
    EXPECT_EQ(killed.exit_code, 0) << killed.output;
    const Ran started = system.Script("start " + victim);
    EXPECT_EQ(started.exit_code, 0) << started.output;
    if (HasFailure()) break;
    absl::SleepFor(absl::Milliseconds(500));
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  ASSERT_GT(acknowledged.size(), 50U);
  ASSERT_GT(cancelled.size(), 5U);

  // It settles: every order has ended.
  EXPECT_TRUE(Eventually(absl::Seconds(60), [&] {
    return system.Sql("order",
                      "SELECT count(*) FROM orders WHERE status NOT IN "
                      "('COMPLETED', 'CANCELLED', 'REJECTED')") == "0";
  })) << system.Sql("order", "SELECT status, count(*) FROM orders GROUP BY 1");

  const auto list = [&](const char* service, const std::string& sql) {
    return system.Sql(service, sql);
  };
  const auto ids = [&](const char* service, const std::string& sql) {
    return std::set<std::string>(
        absl::StrSplit(list(service, sql), '\n', absl::SkipEmpty()));
  };

  // Nothing acknowledged is lost, and a cancel that was confirmed holds.
  const auto among = [](const std::set<std::string>& some,
                        const std::set<std::string>& all) {
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
  };
  EXPECT_TRUE(among(acknowledged, ids("order", "SELECT order_id FROM orders")));
  EXPECT_TRUE(among(cancelled, ids("order",
                                   "SELECT order_id FROM orders WHERE status = "
                                   "'CANCELLED'")));
  EXPECT_TRUE(
      among(cancelled, ids("cook",
                           "SELECT order_id FROM tickets WHERE status = "
                           "'CANCELLED'")));

  // All four agree about every order.
  EXPECT_EQ(list("order", "SELECT order_id FROM orders ORDER BY 1"),
            list("cook", "SELECT order_id FROM tickets ORDER BY 1"));
  EXPECT_EQ(list("order",
                 "SELECT order_id FROM orders WHERE status = 'COMPLETED' "
                 "ORDER BY 1"),
            list("cook",
                 "SELECT order_id FROM tickets WHERE status = 'COOKED' "
                 "ORDER BY 1"));
  EXPECT_EQ(list("order",
                 "SELECT order_id FROM orders WHERE status = 'CANCELLED' "
                 "ORDER BY 1"),
            list("cook",
                 "SELECT order_id FROM tickets WHERE status = 'CANCELLED' "
                 "ORDER BY 1"));
  EXPECT_EQ(list("cook",
                 "SELECT order_id FROM tickets WHERE status = 'COOKED' "
                 "ORDER BY 1"),
            list("delivery",
                 "SELECT order_id FROM deliveries WHERE status = "
                 "'DELIVERED' ORDER BY 1"));

  // Stock is conserved, per item, and the ledger adds up to it.
  for (int menu = 1; menu <= kMenus; ++menu) {
    const std::string item =
        absl::StrCat("restaurant_id = 4 AND restaurant_menu_id = ", menu);
    const std::string on_hand =
        list("cook", "SELECT on_hand FROM stocks WHERE " + item);
    EXPECT_EQ(
        on_hand,
        list("cook", "SELECT sum(delta) FROM stock_ledger WHERE " + item));
    EXPECT_EQ(
        on_hand,
        list("cook", absl::StrCat("SELECT ", kStock,
                                  " - coalesce(sum(qty), 0) FROM tickets WHERE "
                                  "status = 'COOKED' AND ",
                                  item)));
  }

  // Everything was published, nothing was parked, and mypage has seen it all:
  // one entry per event.
  for (const char* service : {"order", "cook", "delivery"}) {
    // Marks come a moment later.
    EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
      return list(service,
                  "SELECT count(*) FROM outbox WHERE published_at IS NULL") ==
             "0";
    })) << service;
  }
  for (const char* service : victims) {
    EXPECT_EQ(list(service, "SELECT count(*) FROM dead_letters"), "0")
        << service;
  }
  const auto number = [&](const char* service, const char* sql) {
    int value = -1;
    EXPECT_TRUE(absl::SimpleAtoi(list(service, sql), &value));
    return value;
  };
  const char events[] = "SELECT count(*) FROM outbox";
  const int published = number("order", events) + number("cook", events) +
                        number("delivery", events);
  EXPECT_TRUE(Eventually(
      absl::Seconds(30),
      [&] {
        return number("mypage", "SELECT sum(version) FROM mypage_views") ==
               published;
      }))
      << number("mypage", "SELECT sum(version) FROM mypage_views") << " of "
      << published;
  std::printf("%d kills, %zu orders, %zu confirmed cancels, %d events\n", kills,
              acknowledged.size(), cancelled.size(), published);
}

}  // namespace
}  // namespace e2e
