// The group commit by itself: batches with bad neighbours, a database that goes
// away, answers that are lost.

#include "order/adapters/place_order_batcher.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

#include "order/adapters/order_events.h"
#include "order/migrations/migrations.h"
#include "platform/failpoint/failpoint.h"
#include "platform/status/error.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "tests/integration/order/cutting_proxy.h"
#include "tests/support/eventually.h"
#include "tests/support/executor_gate.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace order {
namespace {

using test_support::Eventually;
using test_support::Fails;
using test_support::IsOk;

using Answer = absl::StatusOr<OrderState>;

PlacedOrder NewPlaced(const std::string& request_id = "", int qty = 3) {
  const absl::Time now = platform::Now();
  const Order order = Order::Place(platform::NewUuid(now), {1, 2, 3, qty}, now);
  return {order.state(), request_id, ToEvent(order.facts()[0], "")};
}

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

class PlaceOrderBatcherTest : public ::testing::Test {
 protected:
  // With one transaction at a time whatever comes while it commits is one
  // batch.
  void Start(const std::string& dsn, PlaceOrderBatcherOptions options) {
    Start(executor_, dsn, options);
  }
  void Start(platform::Executor& executor, const std::string& dsn,
             PlaceOrderBatcherOptions options) {
    pool_ = std::make_unique<platform::pg::Pool>(
        platform::pg::PoolOptions{.name = "place",
                                  .dsn = dsn,
                                  .connections = options.at_once,
                                  .prepare = PreparePlacedOrders});
    batcher_ = std::make_unique<PlaceOrderBatcher>(executor, *pool_, options);
  }
  void Start() { Start(db_->dsn(), {.at_once = 1}); }

  std::future<Answer> Place(PlacedOrder placed, absl::Time deadline = Soon()) {
    auto promise = std::make_shared<std::promise<Answer>>();
    absl::Status queued = batcher_->Place(
        std::move(placed), deadline,
        [promise](const Answer& told) { promise->set_value(told); });
    if (!queued.ok()) promise->set_value(queued);
    return promise->get_future();
  }
  // As one batch: the table is locked until all wait, behind one that is being
  // committed meanwhile.
  std::vector<Answer> PlaceTogether(std::vector<PlacedOrder> batch) {
    pqxx::connection connection(db_->dsn());
    std::vector<std::future<Answer>> futures;
    std::future<Answer> first;
    {
      pqxx::work tx(connection);
      tx.exec("LOCK TABLE orders");
      first = Place(NewPlaced());
      // The server's other databases are other tests'.
      while (db_->Value("SELECT count(*) FROM pg_locks WHERE NOT granted AND "
                        "database = (SELECT oid FROM pg_database "
                        "WHERE datname = current_database())") == "0") {
        absl::SleepFor(absl::Milliseconds(5));
      }
      for (PlacedOrder& placed : batch) {
        futures.push_back(Place(std::move(placed)));
      }
    }
    EXPECT_THAT(first.get().status(), IsOk());
    std::vector<Answer> answers;
    answers.reserve(futures.size());
    for (auto& future : futures) answers.push_back(future.get());
    return answers;
  }
  void NothingAcknowledgedIsLost(const std::function<void()>& trouble);
  std::string Count(const std::string& table) {
    return db_->Value("SELECT count(*) FROM " + table);
  }

  std::optional<test_support::TestDatabase> db_{std::in_place, Migrations()};
  platform::Executor executor_{{.threads = 2}};
  std::unique_ptr<platform::pg::Pool> pool_;
  std::unique_ptr<PlaceOrderBatcher> batcher_;
};

TEST_F(PlaceOrderBatcherTest, OneBatchIsOneTransaction) {
  Start();
  std::vector<PlacedOrder> batch;
  batch.reserve(100);
  for (int i = 0; i < 100; ++i) batch.push_back(NewPlaced());
  for (const Answer& answer : PlaceTogether(std::move(batch))) {
    EXPECT_THAT(answer.status(), IsOk());
  }
  EXPECT_EQ(Count("orders"), "101");
  EXPECT_EQ(Count("outbox"), "101");
  EXPECT_EQ(db_->Value("SELECT count(DISTINCT xmin::text) FROM orders"), "2");
}

TEST_F(PlaceOrderBatcherTest, AKeyTwiceInOneBatchIsTheFirstOrder) {
  Start();
  const PlacedOrder first = NewPlaced("key");
  const auto answers = PlaceTogether(
      {first, NewPlaced("key"), NewPlaced("key", 4), NewPlaced("other")});
  ASSERT_THAT(answers[0].status(), IsOk());
  EXPECT_EQ(*answers[0], first.order);
  ASSERT_THAT(answers[1].status(), IsOk());
  EXPECT_EQ(*answers[1], first.order);
  EXPECT_THAT(answers[2].status(), Fails(absl::StatusCode::kAlreadyExists,
                                         "IDEMPOTENCY_KEY_REUSED"));
  EXPECT_THAT(answers[3].status(), IsOk());
  EXPECT_EQ(Count("orders"), "3");
  EXPECT_EQ(Count("outbox"), "3");
}

TEST_F(PlaceOrderBatcherTest, AConflictingKeySparesItsNeighbours) {
  Start();
  ASSERT_THAT(Place(NewPlaced("taken", 1)).get().status(), IsOk());
  const auto answers = PlaceTogether(
      {NewPlaced(), NewPlaced("taken", 2), NewPlaced("a"), NewPlaced()});
  EXPECT_THAT(answers[0].status(), IsOk());
  EXPECT_THAT(answers[1].status(), Fails(absl::StatusCode::kAlreadyExists,
                                         "IDEMPOTENCY_KEY_REUSED"));
  EXPECT_THAT(answers[2].status(), IsOk());
  EXPECT_THAT(answers[3].status(), IsOk());
}

// Past all validation: a row that the table refuses, one that cannot be read.
TEST_F(PlaceOrderBatcherTest, ABadRowSparesItsNeighbours) {
  Start();
  PlacedOrder unreadable = NewPlaced();
  unreadable.order.id = "not a uuid";
  const auto answers = PlaceTogether(
      {NewPlaced(), NewPlaced("", 101), NewPlaced("key"), unreadable});
  EXPECT_THAT(answers[0].status(), IsOk());
  EXPECT_FALSE(answers[1].ok());
  EXPECT_THAT(answers[2].status(), IsOk());
  EXPECT_TRUE(absl::IsInvalidArgument(answers[3].status()));
  EXPECT_EQ(Count("orders"), "3");
  EXPECT_EQ(Count("outbox"), "3");
}

// "Nothing was done" is said only where that is so.
TEST_F(PlaceOrderBatcherTest, WhatIsStoredIsNotRefused) {
  Start();
  const auto place_with = [&](const char* point) {
    EXPECT_THAT(platform::failpoint::Arm(
                    absl::StrCat(point, "=error(RESOURCE_EXHAUSTED)")),
                IsOk());
    const absl::Status status = Place(NewPlaced()).get().status();
    platform::failpoint::DisarmAll();
    return status;
  };
  EXPECT_THAT(place_with("order.place_before_commit"),
              Fails(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Count("orders"), "0");
  EXPECT_THAT(place_with("order.place_after_commit"),
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_EQ(Count("orders"), "1");
}

// Nor is it forgotten when a batch is tried one by one.
TEST_F(PlaceOrderBatcherTest, WhatABatchMayHaveStoredIsNotRefusedAlone) {
  Start();
  // The one that is committed meanwhile is the first to pass each.
  ASSERT_THAT(platform::failpoint::Arm(
                  "order.place_after_commit=error(INTERNAL)@nth:2;"
                  "order.place_before_commit=error(RESOURCE_EXHAUSTED)@nth:3"),
              IsOk());
  const auto answers = PlaceTogether({NewPlaced(), NewPlaced()});
  platform::failpoint::DisarmAll();

  EXPECT_THAT(answers[0].status(),
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_THAT(answers[1].status(), IsOk());
  EXPECT_EQ(Count("orders"), "3");
}

TEST_F(PlaceOrderBatcherTest, WhatIsRefusedAloneWasNotStoredWithItsNeighbours) {
  Start();
  ASSERT_THAT(platform::failpoint::Arm(
                  "order.place_before_commit=error(RESOURCE_EXHAUSTED)@nth:5"),
              IsOk());
  const auto answers =
      PlaceTogether({NewPlaced(), NewPlaced("", 101), NewPlaced()});
  platform::failpoint::DisarmAll();

  EXPECT_THAT(answers[0].status(), IsOk());
  EXPECT_FALSE(answers[1].ok());
  EXPECT_THAT(answers[2].status(), Fails(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Count("orders"), "2");
}

TEST_F(PlaceOrderBatcherTest, FullIsRefusedAtOnce) {
  Start(db_->dsn(), {.at_once = 1, .queue_limit = 5});
  pqxx::connection connection(db_->dsn());
  std::vector<std::future<Answer>> admitted;
  {
    pqxx::work tx(connection);
    tx.exec("LOCK TABLE orders");
    admitted.push_back(Place(NewPlaced()));
    absl::SleepFor(absl::Milliseconds(100));
    for (int i = 0; i < 5; ++i) admitted.push_back(Place(NewPlaced()));
    const Answer refused = Place(NewPlaced()).get();
    EXPECT_THAT(refused.status(),
                Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
    EXPECT_TRUE(platform::RetryAfterOf(refused.status()).has_value());
  }
  for (auto& future : admitted) EXPECT_THAT(future.get().status(), IsOk());
  EXPECT_EQ(Count("orders"), "6");
}

TEST_F(PlaceOrderBatcherTest, CancelsAndReadsGoBeforeABatch) {
  platform::Executor executor({.threads = 1});
  Start(executor, db_->dsn(), {.at_once = 1});
  test_support::ExecutorGate gate(executor);
  std::future<Answer> placed = Place(NewPlaced());
  std::promise<std::string> rows;
  executor.Add(platform::Priority::kUrgent,
               [&] { rows.set_value(Count("orders")); });
  gate.Open();

  EXPECT_EQ(rows.get_future().get(), "0");
  EXPECT_THAT(placed.get().status(), IsOk());
  batcher_.reset();
}

TEST_F(PlaceOrderBatcherTest, ABatchThatPassesUrgentWorkByIsSmall) {
  platform::Executor executor({.threads = 1});
  Start(executor, db_->dsn(), {.at_once = 1, .max_batch_past_urgent = 2});
  test_support::ExecutorGate gate(executor);
  std::vector<std::future<Answer>> placed;
  for (int i = 0; i < 20; ++i) placed.push_back(Place(NewPlaced()));
  // One turn in sixteen is theirs: one batch or two while these wait.
  for (int i = 0; i < 24; ++i) {
    executor.Add(platform::Priority::kUrgent, [] {});
  }
  gate.Open();

  for (auto& each : placed) EXPECT_THAT(each.get().status(), IsOk());
  const std::string sizes = db_->Value(
      "SELECT string_agg(DISTINCT n::text, ' ') FROM "
      "(SELECT count(*) AS n FROM orders GROUP BY xmin::text) AS batches");
  EXPECT_THAT(sizes, testing::AnyOf("18 2", "16 2"));
  batcher_.reset();
}

TEST_F(PlaceOrderBatcherTest, WhatIsQueuedIsStoredBeforeItStops) {
  platform::Executor executor({.threads = 1});
  Start(executor, db_->dsn(), {.at_once = 1, .max_batch = 1});
  test_support::ExecutorGate gate(executor);
  std::vector<std::future<Answer>> placed;
  placed.reserve(5);
  for (int i = 0; i < 5; ++i) placed.push_back(Place(NewPlaced()));
  gate.Open();
  batcher_.reset();

  for (auto& future : placed) {
    ASSERT_EQ(future.wait_for(std::chrono::seconds(0)),
              std::future_status::ready);
    EXPECT_THAT(future.get().status(), IsOk());
  }
  EXPECT_EQ(Count("orders"), "5");
}

TEST_F(PlaceOrderBatcherTest, WhatWaitedTooLongIsNotStored) {
  Start();
  pqxx::connection connection(db_->dsn());
  std::future<Answer> first;
  std::future<Answer> late;
  {
    pqxx::work tx(connection);
    tx.exec("LOCK TABLE orders");
    first = Place(NewPlaced());
    absl::SleepFor(absl::Milliseconds(100));
    late = Place(NewPlaced(), absl::Now() + absl::Milliseconds(50));
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_THAT(first.get().status(), IsOk());
  EXPECT_THAT(late.get().status(),
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_EQ(Count("orders"), "1");
}

TEST_F(PlaceOrderBatcherTest, ACommitInDoubtIsOurs) {
  CuttingProxy proxy(db_->dsn());
  Start(proxy.dsn(), {.at_once = 1});
  // Connected, prepared.
  ASSERT_THAT(Place(NewPlaced()).get().status(), IsOk());

  // Without a key there is only the order id to know it by.
  proxy.CutAnswerTo("order_insert_placed");
  const PlacedOrder placed = NewPlaced();
  const Answer answer = Place(placed).get();
  EXPECT_EQ(proxy.cuts(), 1);
  ASSERT_THAT(answer.status(), IsOk());
  EXPECT_EQ(*answer, placed.order);

  proxy.CutAnswerTo("order_insert_placed");
  const PlacedOrder with_key = NewPlaced("key");
  const Answer keyed = Place(with_key).get();
  EXPECT_EQ(proxy.cuts(), 2);
  ASSERT_THAT(keyed.status(), IsOk());
  EXPECT_EQ(*keyed, with_key.order);

  EXPECT_EQ(Count("orders"), "3");
  EXPECT_EQ(Count("outbox"), "3");
}

TEST_F(PlaceOrderBatcherTest, AnAbsentDatabaseIsSaidPolitely) {
  Start("host=127.0.0.1 port=1 dbname=none", {.at_once = 1});
  const Answer answer = Place(NewPlaced()).get();
  EXPECT_THAT(answer.status(),
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  EXPECT_TRUE(platform::RetryAfterOf(answer.status()).has_value());
}

// Places orders from several threads while `trouble` goes on: what was
// acknowledged is there, and nothing is there twice.
void PlaceOrderBatcherTest::NothingAcknowledgedIsLost(
    const std::function<void()>& trouble) {
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::atomic<bool> stop = false;
  std::vector<std::thread> callers;
  callers.reserve(8);
  for (int t = 0; t < 8; ++t) {
    callers.emplace_back([&] {
      while (!stop.load()) {
        const Answer answer = Place(NewPlaced()).get();
        if (answer.ok()) {
          std::lock_guard lock(mutex);
          EXPECT_TRUE(acknowledged.insert(answer->id).second);
        } else {
          EXPECT_THAT(answer.status(), Fails(absl::StatusCode::kUnavailable,
                                             "DATABASE_UNAVAILABLE"));
        }
      }
    });
  }
  trouble();
  // It works again.
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Place(NewPlaced()).get().ok(); }));
  stop.store(true);
  for (std::thread& caller : callers) caller.join();

  EXPECT_GT(acknowledged.size(), 100U);
  pqxx::connection connection(db_->dsn());
  pqxx::work tx(connection);
  std::set<std::string> stored;
  for (const auto& row : tx.exec("SELECT order_id FROM orders")) {
    stored.insert(row[0].as<std::string>());
  }
  for (const std::string& id : acknowledged) {
    EXPECT_EQ(stored.count(id), 1U) << id;
  }
  EXPECT_EQ(Count("outbox"), Count("orders"));
}

TEST_F(PlaceOrderBatcherTest, NothingIsLostWhenBackendsAreKilled) {
  Start(db_->dsn(), {.at_once = 2});
  NothingAcknowledgedIsLost([&] {
    for (int i = 0; i < 20; ++i) {
      absl::SleepFor(absl::Milliseconds(100));
      db_->KillBackends();
    }
  });
}

TEST_F(PlaceOrderBatcherTest, NothingIsLostWhenTheServerCrashes) {
  test_support::PostgresServer server;
  db_.emplace(server, Migrations());
  Start(db_->dsn(), {.at_once = 2});
  NothingAcknowledgedIsLost([&] {
    for (int i = 0; i < 2; ++i) {
      absl::SleepFor(absl::Milliseconds(500));
      server.Crash();
      absl::SleepFor(absl::Milliseconds(200));
      server.Start();
    }
  });
  batcher_.reset();
  pool_.reset();
  db_.reset();
}

}  // namespace
}  // namespace order
