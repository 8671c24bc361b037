// CancelOrder against a kitchen that answers in every way it can.

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"

#include "order/adapters/cook_events.h"
#include "platform/metrics/metrics.h"
#include "platform/status/error.h"
#include "platform/uuid/uuid.h"
#include "tests/integration/order/order_fixture.h"
#include "tests/support/notification.h"

namespace order {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CancelOrderTest : public OrderFixture {
 protected:
  // Puts an order into `status` as the table has it.
  std::string PlaceIn(const std::string& status) {
    const std::string id = PlaceOne();
    db_.Exec(absl::StrCat(
        "UPDATE orders SET status='", status, "', version=2, cancel_due_at=",
        status == "CANCEL_PENDING" ? "now() + '1 hour'" : "NULL",
        ", cancel_reason='first', cancel_by='customer' "
        "WHERE order_id='",
        id, "'"));
    return id;
  }
};

TEST_F(CancelOrderTest, OkIsCancelledInTheSameAnswer) {
  const std::string id = PlaceOne();
  const auto order = Cancel(id, "too slow");
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCELLED);
  EXPECT_EQ(order->version(), 2);
  EXPECT_EQ(order->reason(), "too slow");
  EXPECT_EQ(Said(id), "ordered,cancelled");
  EXPECT_EQ(Get(id)->SerializeAsString(), order->SerializeAsString());

  ASSERT_THAT(cook_.requests(), SizeIs(1));
  const CookStub::Request asked = cook_.requests()[0];
  EXPECT_EQ(asked.order_id(), id);
  EXPECT_EQ(asked.restaurant_id(), 7);
  EXPECT_EQ(asked.restaurant_menu_id(), 9);
  EXPECT_EQ(asked.customer_id(), 1);
  EXPECT_EQ(asked.qty(), 3);
  EXPECT_EQ(asked.reason(), "too slow");
  EXPECT_EQ(asked.by(), "customer");
  EXPECT_THAT(cook_.metadata(),
              Contains(StartsWith("authorization=Bearer ey")));
  EXPECT_THAT(cook_.metadata(), Contains(StartsWith("traceparent=00-")));
}

TEST_F(CancelOrderTest, WhoCancelledTheTicketFirstHasCancelledTheOrder) {
  cook_.AnswerBy("operator", "closed");
  const std::string id = PlaceOne();
  const auto order = Cancel(id, "too slow");
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->reason(), "closed");
  // Also in the event.
  EXPECT_EQ(db_.Value("SELECT position('operator'::bytea IN payload) > 0 "
                      "FROM outbox WHERE version = 2 AND aggregate_id = '" +
                      id + "'"),
            "t");
}

// The kitchen has cancelled, and nobody is told that nothing was done.
TEST_F(CancelOrderTest, WhatTheKitchenHasDoneIsInDoubtUntilItIsStored) {
  const std::string id = PlaceOne();
  pqxx::connection other(db_.dsn());
  pqxx::work tx(other);
  cook_.Answer([&](const CookStub::Request& /*request*/) {
    tx.exec("SELECT FROM orders WHERE order_id='" + id + "' FOR UPDATE");
    return grpc::Status::OK;
  });
  EXPECT_THAT(Cancel(id).status(),
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  tx.abort();
  EXPECT_EQ(StatusInTable(id), "ORDERED");
}

TEST_F(CancelOrderTest, ARepeatAsksNobody) {
  const std::string id = PlaceOne();
  ASSERT_THAT(Cancel(id).status(), IsOk());
  const auto again = Cancel(id, "another reason");
  ASSERT_THAT(again.status(), IsOk());
  EXPECT_EQ(again->status(), v1::ORDER_STATUS_CANCELLED);
  EXPECT_EQ(again->reason(), "changed my mind");
  EXPECT_THAT(cook_.requests(), SizeIs(1));
  EXPECT_EQ(Said(id), "ordered,cancelled");
}

TEST_F(CancelOrderTest, AFinalOrderIsRefusedWithoutACall) {
  const auto completed = Cancel(PlaceIn("COMPLETED"));
  EXPECT_THAT(completed.status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ORDER_COMPLETED"));
  EXPECT_EQ(platform::DetailOf(completed.status(), "status"), "COMPLETED");
  const auto rejected = Cancel(PlaceIn("REJECTED"));
  EXPECT_THAT(rejected.status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ORDER_REJECTED"));
  EXPECT_EQ(platform::DetailOf(rejected.status(), "status"), "REJECTED");
  EXPECT_THAT(cook_.requests(), IsEmpty());
}

TEST_F(CancelOrderTest, AnUnknownOrderIsNotFound) {
  EXPECT_THAT(Cancel(platform::NewUuid(platform::Now())).status(),
              Fails(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND"));
  EXPECT_THAT(cook_.requests(), IsEmpty());
}

TEST_F(CancelOrderTest, BadFieldsAskNobody) {
  EXPECT_THAT(Cancel("no uuid").status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Cancel(PlaceOne(), std::string(201, 'x')).status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(cook_.requests(), IsEmpty());
}

TEST_F(CancelOrderTest, TheKitchensNoChangesNothing) {
  for (const char* reason : {"ALREADY_COOKED", "QUANTITY_OVER"}) {
    cook_.Answer(CookStub::Refusal(reason));
    const std::string id = PlaceOne();
    const auto order = Cancel(id);
    EXPECT_THAT(order.status(),
                Fails(absl::StatusCode::kFailedPrecondition, reason));
    EXPECT_EQ(platform::DetailOf(order.status(), "status"), "ORDERED");
    EXPECT_EQ(StatusInTable(id), "ORDERED");
    EXPECT_EQ(Said(id), "ordered");
  }
}

TEST_F(CancelOrderTest, TheKitchensNoTakesAPendingOneBack) {
  cook_.Answer(CookStub::Refusal("ALREADY_COOKED"));
  const std::string id = PlaceIn("CANCEL_PENDING");
  db_.Exec(absl::StrCat("DELETE FROM outbox WHERE aggregate_id='", id, "'"));
  EXPECT_THAT(Cancel(id).status(),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));
  EXPECT_EQ(StatusInTable(id), "ORDERED");
  EXPECT_EQ(Said(id), "cancel_refused");
  EXPECT_EQ(Get(id)->reason(), "ALREADY_COOKED");
}

TEST_F(CancelOrderTest, APendingOneIsAskedForWithItsFirstReason) {
  const std::string id = PlaceIn("CANCEL_PENDING");
  const auto order = Cancel(id, "second");
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCELLED);
  EXPECT_EQ(order->reason(), "first");
  EXPECT_EQ(cook_.requests()[0].reason(), "first");
}

// Every answer that is not cook's own is indefinite: the customer is told
// CANCEL_PENDING, never an error, never CANCELLED.
TEST_F(CancelOrderTest, AnythingElseIsPending) {
  const auto rich = [](const char* domain, const char* reason) {
    google::rpc::ErrorInfo info;
    info.set_domain(domain);
    info.set_reason(reason);
    absl::Status status = absl::FailedPreconditionError("no");
    status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo",
                      absl::Cord(info.SerializeAsString()));
    return platform::rpc::ToGrpcStatus(status);
  };
  const std::vector<grpc::Status> answers = {
      {grpc::StatusCode::UNAVAILABLE, "fault"},
      {grpc::StatusCode::INTERNAL, "bug"},
      {grpc::StatusCode::UNKNOWN, "?"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "shed"},
      {grpc::StatusCode::PERMISSION_DENIED, "mesh"},
      {grpc::StatusCode::NOT_FOUND, "?"},
      {grpc::StatusCode::INVALID_ARGUMENT, "?"},
      {grpc::StatusCode::CANCELLED, "?"},
      // No details, another's domain, another reason: not cook's "no".
      {grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_COOKED"},
      rich("elsewhere", "ALREADY_COOKED"),
      rich("restaurant", "TICKET_CANCELLED"),
  };
  for (const grpc::Status& answer : answers) {
    cook_.Answer(answer);
    const std::string id = PlaceOne();
    const auto order = Cancel(id, "why");
    ASSERT_THAT(order.status(), IsOk()) << answer.error_code();
    EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCEL_PENDING);
    EXPECT_EQ(order->reason(), "");
    EXPECT_EQ(StatusInTable(id), "CANCEL_PENDING");
    EXPECT_EQ(Said(id), "ordered,cancel_pending");
  }
}

TEST_F(CancelOrderTest, AnOkThatDoesNotSayCancelledIsPending) {
  for (auto status : {restaurant::cook::v1::TICKET_STATUS_UNSPECIFIED,
                      restaurant::cook::v1::TICKET_STATUS_COOKED}) {
    cook_.AnswerTicket(status);
    const auto order = Cancel(PlaceOne());
    ASSERT_THAT(order.status(), IsOk());
    EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCEL_PENDING);
  }
}

TEST_F(CancelOrderTest, ASlowKitchenIsWaitedForOneSecond) {
  cook_.Answer([](const CookStub::Request&) {
    absl::SleepFor(absl::Seconds(2));
    return grpc::Status::OK;
  });
  const std::string id = PlaceOne();
  const absl::Time start = absl::Now();
  const auto order = Cancel(id);
  const absl::Duration took = absl::Now() - start;
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCEL_PENDING);
  EXPECT_GE(took, absl::Milliseconds(950));
  EXPECT_LT(took, absl::Milliseconds(1900));
}

// The kitchen is given a second, or what the caller has left less some time for
// the way back. (The least of a few: a busy machine adds to what cook sees.)
TEST_F(CancelOrderTest, TheCallersShorterDeadlineIsKept) {
  const auto given = [this](absl::Duration timeout) {
    absl::Duration least = absl::InfiniteDuration();
    for (int i = 0; i < 5; ++i) {
      const std::string id = PlaceOne();
      const absl::Time start = absl::Now();
      Cancel(id, "", timeout).status().IgnoreError();
      least = std::min(least, cook_.deadline() - start);
    }
    return least;
  };
  EXPECT_LT(given(absl::Milliseconds(900)), absl::Milliseconds(890));
  const absl::Duration full = given(absl::Seconds(20));
  EXPECT_GE(full, absl::Milliseconds(990));
  EXPECT_LT(full, absl::Milliseconds(1200));
}

TEST_F(CancelOrderTest, AnAbsentKitchenIsPendingAtOnce) {
  cook_.Stop();
  const std::string id = PlaceOne();
  const absl::Time start = absl::Now();
  const auto order = Cancel(id);
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCEL_PENDING);
  EXPECT_LT(absl::Now() - start, absl::Milliseconds(1500));
  // Asked again, still pending, nothing new is said.
  const auto again = Cancel(id);
  ASSERT_THAT(again.status(), IsOk());
  EXPECT_EQ(again->SerializeAsString(), order->SerializeAsString());
  EXPECT_EQ(Said(id), "ordered,cancel_pending");
}

// The kitchen did it but its answer is lost: pending, and settled by the next
// answer, or by the event.
TEST_F(CancelOrderTest, ALostAnswerIsPendingNotLost) {
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, "connection reset"});
  const std::string id = PlaceOne();
  ASSERT_EQ(Cancel(id)->status(), v1::ORDER_STATUS_CANCEL_PENDING);
  cook_.Answer(grpc::Status::OK);
  ASSERT_EQ(Cancel(id)->status(), v1::ORDER_STATUS_CANCELLED);
  EXPECT_EQ(Said(id), "ordered,cancel_pending,cancelled");
}

// While the kitchen thinks, its event arrives; then an answer that means
// nothing. The order stays cancelled.
TEST_F(CancelOrderTest, TheEventOvertakesTheAnswer) {
  test_support::Notification asked;
  test_support::Notification go_on;
  cook_.Answer([&](const CookStub::Request&) -> grpc::Status {
    asked.Notify();
    go_on.WaitForNotification();
    return {grpc::StatusCode::UNAVAILABLE, "lost"};
  });
  const std::string id = PlaceOne();
  absl::StatusOr<v1::Order> order = absl::UnknownError("");
  std::thread customer([&] { order = Cancel(id); });
  asked.WaitForNotification();
  // No row lock is held meanwhile, or this would wait for ever.
  db_.Exec(
      absl::StrCat("UPDATE orders SET status='CANCELLED', version=2 "
                   "WHERE order_id='",
                   id, "'"));
  go_on.Notify();
  customer.join();
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->status(), v1::ORDER_STATUS_CANCELLED);
  EXPECT_EQ(Said(id), "ordered");
}

TEST_F(CancelOrderTest, ManyAtOnceForOneOrderAreOneCancel) {
  const std::string id = PlaceOne();
  std::vector<std::thread> threads;
  std::atomic<int> cancelled = 0;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      const auto order = Cancel(id);
      if (order.ok() && order->status() == v1::ORDER_STATUS_CANCELLED) {
        ++cancelled;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cancelled.load(), 20);
  EXPECT_EQ(Said(id), "ordered,cancelled");
}

TEST_F(CancelOrderTest, TooManyWaitingAreRefused) {
  OrderCanceller narrow(executor_, pool_, cook_client_, platform::Now, 1);
  test_support::Notification asked;
  test_support::Notification go_on;
  cook_.Answer([&](const CookStub::Request&) {
    asked.Notify();
    go_on.WaitForNotification();
    return grpc::Status::OK;
  });
  const OrderCanceller::Command command{
      .order_id = PlaceOne(),
      .may_cancel = [](const OrderState&) { return true; },
      .reason = "",
      .by = "customer",
      .traceparent = "",
      .deadline = absl::Now() + absl::Seconds(5)};
  test_support::Notification first_done;
  narrow.Cancel(command, [&](const auto&) { first_done.Notify(); });
  asked.WaitForNotification();
  absl::Status second;
  narrow.Cancel(command, [&](const auto& told) { second = told.status(); });
  EXPECT_THAT(second,
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_TRUE(platform::RetryAfterOf(second).has_value());
  go_on.Notify();
  first_done.WaitForNotification();
}

TEST_F(CancelOrderTest, OutcomesAreCounted) {
  const auto counted = [] {
    return platform::metrics::Counter("cancel_outcomes_total",
                                      "What the kitchen said to cancels",
                                      {{"outcome", "cancelled"}})
        .Value();
  };
  const double before = counted();
  ASSERT_THAT(Cancel(PlaceOne()).status(), IsOk());
  EXPECT_EQ(counted(), before + 1);
}

}  // namespace
}  // namespace order
