// The courier's API over the wire.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "delivery/adapters/delivery_service.h"
#include "delivery/adapters/pg_delivery_store.h"
#include "platform/grpc/server.h"
#include "platform/grpc/status.h"
#include "platform/grpc/time.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"
#include "tests/integration/delivery/courier.h"
#include "tests/support/status_matchers.h"

namespace delivery {
namespace {

namespace v1 = ::restaurant::delivery::v1;
using test_support::Fails;
using test_support::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DeliveryServiceTest : public ::testing::Test {
 protected:
  DeliveryServiceTest()
      : executor_({.name = "test", .threads = 4}),
        service_(access_, courier_.pool(), executor_, platform::Now),
        server_(
            platform::rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service_})
                .value()),
        stub_(v1::DeliveryService::NewStub(
            grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                grpc::InsecureChannelCredentials()))) {}

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::DeliveryService::Stub::*method)(grpc::ClientContext*,
                                                        const Request&,
                                                        Response*),
      const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(10));
    context.AddMetadata("traceparent",
                        absl::StrCat("00-", kTraceId, "-b7ad6b7169203331-01"));
    Response response;
    const grpc::Status status = (*stub_.*method)(&context, request, &response);
    if (!status.ok()) return platform::rpc::FromGrpcStatus(status);
    return response;
  }

  absl::StatusOr<v1::GetDeliveryResponse> Get(const std::string& order_id) {
    v1::GetDeliveryRequest request;
    request.set_order_id(order_id);
    return Call(&v1::DeliveryService::Stub::GetDelivery, request);
  }

  absl::StatusOr<v1::CompleteDeliveryResponse> Complete(
      const std::string& order_id) {
    v1::CompleteDeliveryRequest request;
    request.set_order_id(order_id);
    return Call(&v1::DeliveryService::Stub::CompleteDelivery, request);
  }

  absl::StatusOr<v1::ListDeliveriesResponse> List(
      v1::DeliveryStatus status, int page_size,
      const std::string& page_token = "") {
    v1::ListDeliveriesRequest request;
    request.set_status(status);
    request.set_page_size(page_size);
    request.set_page_token(page_token);
    return Call(&v1::DeliveryService::Stub::ListDeliveries, request);
  }

  // The order ids of all pages; `between` is called after each.
  std::vector<std::string> ListAll(
      v1::DeliveryStatus status, int page_size,
      const std::function<void()>& between = [] {}) {
    std::vector<std::string> ids;
    std::string token;
    do {
      const auto page = List(status, page_size, token);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      EXPECT_LE(page->deliveries_size(), page_size);
      for (const auto& delivery : page->deliveries()) {
        ids.push_back(delivery.order_id());
      }
      token = page->next_page_token();
      EXPECT_LT(ids.size(), 1000U) << "does it ever end?";
      if (ids.size() >= 1000) break;
      between();
    } while (!token.empty());
    return ids;
  }

  Parcel Start() {
    const Parcel parcel = NewParcel();
    EXPECT_THAT(courier_.Hear({Cooked(parcel)}), IsOk());
    return parcel;
  }

  Courier courier_;
  platform::Executor executor_;
  const platform::auth::Access access_{{}, /*verifier=*/nullptr};
  DeliveryService service_;
  std::unique_ptr<platform::rpc::Server> server_;
  std::unique_ptr<v1::DeliveryService::Stub> stub_;
};

TEST_F(DeliveryServiceTest, ADeliveryCanBeRead) {
  const Parcel parcel = Start();

  const auto got = Get(parcel.order_id);

  ASSERT_THAT(got, IsOk());
  const v1::Delivery& delivery = got->delivery();
  EXPECT_EQ(delivery.order_id(), parcel.order_id);
  EXPECT_EQ(delivery.restaurant_id(), 1);
  EXPECT_EQ(delivery.restaurant_menu_id(), 2);
  EXPECT_EQ(delivery.customer_id(), 3);
  EXPECT_EQ(delivery.qty(), 4);
  EXPECT_EQ(delivery.status(), v1::DELIVERY_STATUS_STARTED);
  EXPECT_EQ(delivery.version(), 1);
  EXPECT_LT(platform::Now() - platform::rpc::FromProto(delivery.create_date()),
            absl::Minutes(1));
}

TEST_F(DeliveryServiceTest, AnUnknownOrderIsNotFound) {
  const std::string unknown = NewParcel().order_id;

  EXPECT_THAT(Get(unknown),
              Fails(absl::StatusCode::kNotFound, "DELIVERY_NOT_FOUND"));
  EXPECT_THAT(Complete(unknown),
              Fails(absl::StatusCode::kNotFound, "DELIVERY_NOT_FOUND"));
}

TEST_F(DeliveryServiceTest, BadRequestsAreRefusedWithTheField) {
  for (const auto& status : {Get("").status(), Complete("nonsense").status()}) {
    EXPECT_THAT(status,
                Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
    EXPECT_EQ(platform::DetailOf(status, "field"), "order_id");
  }
  EXPECT_THAT(List(static_cast<v1::DeliveryStatus>(77), 10),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(List(v1::DELIVERY_STATUS_STARTED, 101),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(DeliveryServiceTest, CompletingIsTold) {
  const Parcel parcel = Start();

  const auto completed = Complete(parcel.order_id);

  ASSERT_THAT(completed, IsOk());
  EXPECT_EQ(completed->delivery().status(), v1::DELIVERY_STATUS_DELIVERED);
  EXPECT_EQ(completed->delivery().version(), 2);
  EXPECT_EQ(Get(parcel.order_id)->delivery().SerializeAsString(),
            completed->delivery().SerializeAsString());
  EXPECT_EQ(courier_.Told("Delivered"), 1);
  EXPECT_THAT(
      courier_.db().Value("SELECT traceparent FROM outbox WHERE version = 2"),
      ::testing::HasSubstr(kTraceId));
}

TEST_F(DeliveryServiceTest, CompletingAgainGivesTheSameAnswer) {
  const Parcel parcel = Start();
  const auto first = Complete(parcel.order_id);
  ASSERT_THAT(first, IsOk());

  const auto second = Complete(parcel.order_id);

  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  courier_.ExpectEveryChangeWasToldOnce();
}

TEST_F(DeliveryServiceTest, ManyWhoCompleteAtOnceGetTheSameAnswer) {
  const Parcel parcel = Start();
  std::vector<std::string> answers(20);
  std::vector<std::thread> callers;
  for (std::string& answer : answers) {
    callers.emplace_back([&] {
      const auto completed = Complete(parcel.order_id);
      EXPECT_THAT(completed, IsOk());
      if (completed.ok()) answer = completed->SerializeAsString();
    });
  }
  for (std::thread& caller : callers) caller.join();

  EXPECT_THAT(std::set<std::string>(answers.begin(), answers.end()), SizeIs(1));
  EXPECT_EQ(courier_.Told("Delivered"), 1);
}

TEST_F(DeliveryServiceTest, AnEmptyListIsOnePage) {
  const auto page = List(v1::DELIVERY_STATUS_UNSPECIFIED, 0);

  ASSERT_THAT(page, IsOk());
  EXPECT_THAT(page->deliveries(), IsEmpty());
  EXPECT_EQ(page->next_page_token(), "");
}

TEST_F(DeliveryServiceTest, ListsAreNewestFirst) {
  std::vector<std::string> newest_first;
  for (int i = 0; i < 5; ++i) newest_first.push_back(Start().order_id);
  std::reverse(newest_first.begin(), newest_first.end());

  // Pages that end exactly at the end, and those that do not.
  for (const int page_size : {1, 2, 5, 6}) {
    EXPECT_EQ(ListAll(v1::DELIVERY_STATUS_UNSPECIFIED, page_size), newest_first)
        << page_size;
  }
}

TEST_F(DeliveryServiceTest, ListsCanBeFiltered) {
  const std::string first = Start().order_id;
  const std::string second = Start().order_id;
  const std::string third = Start().order_id;
  ASSERT_THAT(Complete(second), IsOk());

  EXPECT_THAT(ListAll(v1::DELIVERY_STATUS_STARTED, 1),
              ::testing::ElementsAre(third, first));
  EXPECT_THAT(ListAll(v1::DELIVERY_STATUS_DELIVERED, 1),
              ::testing::ElementsAre(second));
}

// Whoever pages while others write sees each delivery once that was there from
// the beginning.
TEST_F(DeliveryServiceTest, PagesSurviveConcurrentWrites) {
  std::vector<std::string> newest_first;
  for (int i = 0; i < 20; ++i) newest_first.push_back(Start().order_id);
  std::reverse(newest_first.begin(), newest_first.end());
  int calls = 0;

  const std::vector<std::string> ids =
      ListAll(v1::DELIVERY_STATUS_UNSPECIFIED, 3, [&] {
        Start();
        ASSERT_THAT(Complete(newest_first[static_cast<size_t>(calls++)]),
                    IsOk());
      });

  EXPECT_EQ(ids, newest_first);
}

TEST_F(DeliveryServiceTest, ATokenIsRefusedForAnotherFilter) {
  Start();
  Start();
  const auto page = List(v1::DELIVERY_STATUS_STARTED, 1);
  ASSERT_THAT(page, IsOk());
  ASSERT_NE(page->next_page_token(), "");

  const auto other =
      List(v1::DELIVERY_STATUS_DELIVERED, 1, page->next_page_token());

  EXPECT_THAT(other,
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(platform::DetailOf(other.status(), "field"), "page_token");
}

// However much was delivered, what is on the way is found by its own indexes,
// also by the plans that Postgres keeps for any parameters.
TEST_F(DeliveryServiceTest, WhatIsOnTheWayIsFoundByItsIndexes) {
  courier_.db().Exec(R"sql(
      INSERT INTO deliveries
      SELECT gen_random_uuid(), 1, 1, 1, 1,
             CASE WHEN i % 10 = 0 THEN 'STARTED' ELSE 'DELIVERED' END, 1,
             now(), now(), ''
      FROM generate_series(1, 20000) AS i)sql");
  courier_.db().Exec("ANALYZE deliveries");
  std::string list_plan;
  std::string due_plan;
  EXPECT_THAT(courier_.pool().InTransaction([&](pqxx::work& tx) {
    ListDeliveries(tx, DeliveryStatus::kStarted, "", 21);
    PgDeliveryStore(tx, "").LockDue(platform::Now(), 5);
    tx.exec("SET LOCAL plan_cache_mode = force_generic_plan");
    const auto plan = [&tx](const std::string& execute) {
      std::string text;
      for (const auto& row : tx.exec("EXPLAIN EXECUTE " + execute)) {
        text += row[0].as<std::string>();
      }
      return text;
    };
    list_plan = plan(
        "delivery_list_started('ffffffff-ffff-ffff-ffff-ffffffffffff', 9)");
    due_plan = plan("delivery_lock_due(now(), 5)");
    return absl::OkStatus();
  }),
              IsOk());

  EXPECT_THAT(list_plan, ::testing::HasSubstr("deliveries_started"));
  EXPECT_THAT(due_plan, ::testing::HasSubstr("deliveries_due"));
}

}  // namespace
}  // namespace delivery
