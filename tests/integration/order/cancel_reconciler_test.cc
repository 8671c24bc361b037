// Pending cancels get a definite outcome.

#include "order/adapters/cancel_reconciler.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"

#include "platform/pg/time.h"
#include "tests/integration/order/order_fixture.h"
#include "tests/support/eventually.h"

namespace order {
namespace {

using test_support::Eventually;
using test_support::IsOk;
using ::testing::Contains;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CancelReconcilerTest : public OrderFixture {
 protected:
  std::unique_ptr<CancelReconciler> NewReconciler() {
    return std::make_unique<CancelReconciler>(pool_, cook_client_,
                                              platform::Now);
  }
  std::string PlacePending() {
    const std::string id = PlaceOne();
    EXPECT_EQ(Cancel(id, "why")->status(), v1::ORDER_STATUS_CANCEL_PENDING);
    return id;
  }
};

TEST_F(CancelReconcilerTest, CancelsWithinFiveSecondsOfTheKitchensReturn) {
  const auto reconciler = NewReconciler();
  cook_.Stop();
  const std::string id = PlacePending();
  // Long enough for the backoff to grow.
  absl::SleepFor(absl::Seconds(6));
  EXPECT_EQ(StatusInTable(id), "CANCEL_PENDING");
  cook_.Start();
  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return StatusInTable(id) == "CANCELLED"; }));
  EXPECT_EQ(Said(id), "ordered,cancel_pending,cancelled");
  EXPECT_EQ(Get(id)->reason(), "why");
  ASSERT_THAT(cook_.requests(), SizeIs(1));
  EXPECT_EQ(cook_.requests()[0].reason(), "why");
  EXPECT_EQ(cook_.requests()[0].by(), "customer");
  EXPECT_EQ(cook_.requests()[0].qty(), 3);
}

TEST_F(CancelReconcilerTest, ARefusalTakesTheOrderBack) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  const std::string id = PlacePending();
  cook_.Answer(CookStub::Refusal("ALREADY_COOKED"));
  const auto reconciler = NewReconciler();
  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return StatusInTable(id) == "ORDERED"; }));
  EXPECT_EQ(Said(id), "ordered,cancel_pending,cancel_refused");
}

TEST_F(CancelReconcilerTest, AnIndefiniteAnswerIsAskedForAgain) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  const std::string id = PlacePending();
  const auto reconciler = NewReconciler();
  EXPECT_TRUE(Eventually(absl::Seconds(8),
                         [&] { return cook_.requests().size() >= 4; }));
  EXPECT_EQ(StatusInTable(id), "CANCEL_PENDING");
  EXPECT_EQ(Said(id), "ordered,cancel_pending");
  EXPECT_EQ(db_.Value("SELECT version FROM orders"), "2")
      << "asking is not a change of the order";
}

// What became of a cancel that was decided later could not be found under the
// trace of the customer who wanted it.
TEST_F(CancelReconcilerTest, TheCustomersTraceGoesOn) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  const std::string id = PlacePending();
  const std::string trace = db_.Value(
      "SELECT substr(traceparent, 4, 32) FROM outbox WHERE subject = "
      "'restaurant.order.cancel_pending'");
  cook_.Answer(grpc::Status::OK);
  const auto reconciler = NewReconciler();
  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return StatusInTable(id) == "CANCELLED"; }));

  EXPECT_THAT(cook_.metadata(),
              Contains(StartsWith("traceparent=00-" + trace + "-")));
  EXPECT_EQ(db_.Value("SELECT substr(traceparent, 4, 32) FROM outbox WHERE "
                      "subject = 'restaurant.order.cancelled'"),
            trace);
}

TEST_F(CancelReconcilerTest, WhatTheOutboxHasForgottenIsDecidedAllTheSame) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  const std::string id = PlacePending();
  db_.Exec("DELETE FROM outbox");
  cook_.Answer(grpc::Status::OK);
  const auto reconciler = NewReconciler();
  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return StatusInTable(id) == "CANCELLED"; }));
  EXPECT_EQ(Said(id), "cancelled");
}

// More than one round's worth, two replicas: each order is asked for once.
TEST_F(CancelReconcilerTest, ReplicasShareTheWork) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  std::vector<std::string> ids;
  for (int i = 0; i < 120; ++i) ids.push_back(PlacePending());
  const size_t asked_before = cook_.requests().size();
  cook_.Answer(grpc::Status::OK);
  const auto one = NewReconciler();
  const auto two = NewReconciler();
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] {
    return db_.Value(
               "SELECT count(*) FROM orders WHERE status <> 'CANCELLED'") ==
           "0";
  }));
  EXPECT_EQ(cook_.requests().size() - asked_before, 120U);
  EXPECT_EQ(db_.Value("SELECT count(*) FROM outbox WHERE subject = "
                      "'restaurant.order.cancelled'"),
            "120");
}

// A process that dies between "pending" and the answer leaves a row that is
// claimed but not settled: when the lease is over another takes it.
TEST_F(CancelReconcilerTest, ADeadProcessesClaimRunsOut) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  const std::string id = PlacePending();
  cook_.Answer(grpc::Status::OK);
  absl::SleepFor(absl::Milliseconds(600));
  ASSERT_THAT(pool_.InTransaction([&](pqxx::work& tx) {
    EXPECT_THAT(ClaimPendingCancels(tx, platform::Now(), 50), SizeIs(1));
    return absl::OkStatus();
  }),
              IsOk());
  ASSERT_THAT(pool_.InTransaction([&](pqxx::work& tx) {
    EXPECT_THAT(ClaimPendingCancels(tx, platform::Now(), 50), SizeIs(0))
        << "it is claimed";
    return absl::OkStatus();
  }),
              IsOk());
  const auto reconciler = NewReconciler();
  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return StatusInTable(id) == "CANCELLED"; }));
}

TEST_F(CancelReconcilerTest, TheWaitStaysBetweenTheLeaseAndTwoSeconds) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  const std::string id = PlacePending();
  for (int i = 0; i < 12; ++i) {
    const absl::Time now = platform::Now();
    const std::string sql_now =
        absl::StrCat("timestamptz '", platform::pg::ToSql(now), "'");
    db_.Exec(absl::StrCat("UPDATE orders SET cancel_due_at = ", sql_now,
                          " - interval '1 s'"));
    ASSERT_THAT(pool_.InTransaction([&](pqxx::work& tx) {
      EXPECT_THAT(ClaimPendingCancels(tx, now, 50), SizeIs(1));
      return absl::OkStatus();
    }),
                IsOk());
    const std::string ahead =
        db_.Value(absl::StrCat("SELECT cancel_due_at - ", sql_now,
                               " BETWEEN interval '1.2 s' AND interval '2 s' "
                               "FROM orders"));
    EXPECT_EQ(ahead, "t") << "attempt " << i;
  }
}

}  // namespace
}  // namespace order
