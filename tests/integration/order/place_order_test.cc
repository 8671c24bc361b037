// PlaceOrder through gRPC: what is stored, what is said, and what a repeat
// gets.

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"

#include "platform/grpc/time.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/integration/order/order_fixture.h"

namespace order {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::Each;
using ::testing::SizeIs;

using PlaceOrderTest = OrderFixture;

TEST_F(PlaceOrderTest, StoresTheOrderAndItsEvent) {
  const absl::Time before = platform::Now();
  const auto order = Place(Wish());
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->status(), v1::ORDER_STATUS_ORDERED);
  EXPECT_EQ(order->version(), 1);
  EXPECT_EQ(order->customer_id(), 1);
  EXPECT_EQ(order->restaurant_id(), 7);
  EXPECT_EQ(order->restaurant_menu_id(), 9);
  EXPECT_EQ(order->qty(), 3);
  EXPECT_EQ(order->reason(), "");
  EXPECT_TRUE(platform::ParseUuid(order->order_id()).has_value());
  const absl::Time created = platform::rpc::FromProto(order->create_date());
  EXPECT_GE(created, before);
  EXPECT_LE(created, platform::Now());
  EXPECT_EQ(platform::rpc::FromProto(order->modified_date()), created);

  EXPECT_EQ(Said(order->order_id()), "ordered");
  EXPECT_EQ(db_.Value("SELECT event_type FROM outbox"),
            "restaurant.order.v1.Ordered");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox WHERE traceparent ~ "
                      "'^00-[0-9a-f]{32}-[0-9a-f]{16}-01$'"),
            "1");
  // The event carries the very order that was answered.
  v1::Ordered event;
  const std::string hex =
      db_.Value("SELECT encode(payload, 'hex') FROM outbox");
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  ASSERT_TRUE(event.ParseFromString(bytes));
  EXPECT_EQ(event.order().SerializeAsString(), order->SerializeAsString());
  // And a read gives the same.
  const auto read = Get(order->order_id());
  ASSERT_THAT(read.status(), IsOk());
  EXPECT_EQ(read->SerializeAsString(), order->SerializeAsString());
}

TEST_F(PlaceOrderTest, WithoutAKeyEveryCallPlaces) {
  EXPECT_NE(PlaceOne(), PlaceOne());
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), "2");
}

TEST_F(PlaceOrderTest, FiftyAtOnceWithOneKeyAreOneOrder) {
  std::vector<std::string> answers(50);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) {
    threads.emplace_back([this, &answer] {
      auto order = Place(Wish("key-1"));
      answer =
          order.ok() ? order->SerializeAsString() : order.status().ToString();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(answers, Each(answers[0]));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), "1");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox"), "1");
}

TEST_F(PlaceOrderTest, ARepeatGetsTheFirstAnswerEvenAfterACancel) {
  const auto first = Place(Wish("key-1"));
  ASSERT_THAT(first.status(), IsOk());
  ASSERT_THAT(Cancel(first->order_id()).status(), IsOk());
  const auto again = Place(Wish("key-1"));
  ASSERT_THAT(again.status(), IsOk());
  EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(Said(first->order_id()), "ordered,cancelled");
}

TEST_F(PlaceOrderTest, AnotherBodyUnderTheKeyIsRefused) {
  const auto first = Place(Wish("key-1", 1, 3));
  ASSERT_THAT(first.status(), IsOk());
  const auto other = Place(Wish("key-1", 1, 4));
  EXPECT_THAT(other.status(), Fails(absl::StatusCode::kAlreadyExists,
                                    "IDEMPOTENCY_KEY_REUSED"));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), "1");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox"), "1");
}

TEST_F(PlaceOrderTest, AKeyIsTheCustomersOwn) {
  const auto mine = Place(Wish("key-1", 1));
  const auto yours = Place(Wish("key-1", 2));
  ASSERT_THAT(mine.status(), IsOk());
  ASSERT_THAT(yours.status(), IsOk());
  EXPECT_NE(mine->order_id(), yours->order_id());
}

TEST_F(PlaceOrderTest, TheMetadataKeyIsTheSameAsTheField) {
  const auto by_metadata = Place(Wish(), "key-1");
  ASSERT_THAT(by_metadata.status(), IsOk());
  const auto by_field = Place(Wish("key-1"));
  ASSERT_THAT(by_field.status(), IsOk());
  EXPECT_EQ(by_field->SerializeAsString(), by_metadata->SerializeAsString());
  EXPECT_THAT(Place(Wish("key-1"), "key-1").status(), IsOk());
  EXPECT_THAT(Place(Wish("key-1"), "key-2").status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), "1");
}

TEST_F(PlaceOrderTest, BadFieldsLeaveNoRow) {
  for (int qty : {-1, 0, 101, 2147483647}) {
    EXPECT_THAT(Place(Wish("", 1, qty)).status(),
                Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  }
  EXPECT_THAT(Place(Wish("a'b; DROP TABLE orders")).status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Place(v1::PlaceOrderRequest()).status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), "0");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox"), "0");
}

// Many callers, some keys twice, some reused for another body: every caller is
// told the truth and every order that is acknowledged is there, once.
TEST_F(PlaceOrderTest, ManyCallersWithSomeConflicts) {
  ASSERT_THAT(Place(Wish("taken", 1, 1)).status(), IsOk());
  std::atomic<int> reused = 0;
  std::atomic<int> failed = 0;
  std::mutex mutex;
  std::multiset<std::string> ids;
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        // Every tenth call reuses a key; each other one is shared by two
        // threads.
        const bool bad = i % 10 == 9;
        const auto order =
            Place(bad ? Wish("taken", 1, 2)
                      : Wish(absl::StrCat("key-", t / 2, "-", i), 1, 5));
        if (order.ok()) {
          std::lock_guard lock(mutex);
          ids.insert(order->order_id());
        } else if (platform::ReasonOf(order.status()) ==
                   "IDEMPOTENCY_KEY_REUSED") {
          ++reused;
        } else {
          ++failed;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(reused.load(), 16 * 5);
  EXPECT_THAT(ids, SizeIs(16 * 45));
  EXPECT_THAT((std::set<std::string>(ids.begin(), ids.end())), SizeIs(8 * 45));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM orders"), absl::StrCat(8 * 45 + 1));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox"), absl::StrCat(8 * 45 + 1));
}

}  // namespace
}  // namespace order
