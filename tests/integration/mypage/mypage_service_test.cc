// The API of mypage, called over gRPC.

#include "mypage/adapters/mypage_service.h"

#include <future>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "mypage/migrations/migrations.h"
#include "platform/grpc/server.h"
#include "platform/grpc/status.h"
#include "platform/grpc/time.h"
#include "platform/status/error.h"
#include "tests/integration/mypage/lives.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace mypage {
namespace {

using ::platform::events::Message;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class MypageServiceTest : public testing::Test {
 protected:
  MypageServiceTest() {
    auto server = platform::rpc::Server::Start(
        {.listen = "127.0.0.1:0"}, std::vector<grpc::Service*>{&service_});
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
    stub_ = StubOf(*server_);
  }

  static std::unique_ptr<v1::MypageService::Stub> StubOf(
      const platform::rpc::Server& server) {
    return v1::MypageService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.port()),
                            grpc::InsecureChannelCredentials()));
  }

  absl::StatusOr<v1::Mypage> Get(const std::string& order_id,
                                 int min_order_version = 0) const {
    v1::GetMypageRequest request;
    request.set_order_id(order_id);
    request.set_min_order_version(min_order_version);
    v1::GetMypageResponse response;
    grpc::ClientContext context;
    const absl::Status status = platform::rpc::FromGrpcStatus(
        stub_->GetMypage(&context, request, &response));
    if (!status.ok()) return status;
    return response.mypage();
  }

  absl::StatusOr<v1::ListMypagesResponse> List(
      const v1::ListMypagesRequest& request) const {
    v1::ListMypagesResponse response;
    grpc::ClientContext context;
    const absl::Status status = platform::rpc::FromGrpcStatus(
        stub_->ListMypages(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  const test_support::TestDatabase db_{Migrations()};
  platform::pg::Pool pool_{{.name = "test",
                            .dsn = db_.dsn(),
                            .connections = 4,
                            .acquire_timeout = absl::Seconds(5),
                            .prepare = Prepare}};
  platform::Executor executor_{
      {.name = "test", .threads = 2, .queue_limit = 512}};
  const platform::auth::Access access_{{}, /*verifier=*/nullptr};
  WatchHub hub_{executor_, pool_};
  MypageServiceImpl service_{access_, executor_, pool_, hub_};
  std::unique_ptr<platform::rpc::Server> server_;
  std::unique_ptr<v1::MypageService::Stub> stub_;
};

TEST_F(MypageServiceTest, ShowsAWholeLife) {
  ASSERT_THAT(Apply(pool_, Life(OrderId(1), 3)), IsOk());

  const absl::StatusOr<v1::Mypage> page = Get(OrderId(1));

  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->order_id(), OrderId(1));
  EXPECT_EQ(page->customer_id(), 7);
  EXPECT_EQ(page->restaurant_id(), 3);
  EXPECT_EQ(page->restaurant_menu_id(), 12);
  EXPECT_EQ(page->qty(), 2);
  EXPECT_EQ(page->order_status(),
            ::restaurant::order::v1::ORDER_STATUS_COMPLETED);
  EXPECT_EQ(page->cook_status(), ::restaurant::cook::v1::TICKET_STATUS_COOKED);
  EXPECT_EQ(page->delivery_status(),
            ::restaurant::delivery::v1::DELIVERY_STATUS_DELIVERED);
  EXPECT_EQ(page->version(), 8);
  EXPECT_EQ(page->order_version(), 4);
  EXPECT_EQ(platform::rpc::FromProto(page->create_date()), kNoon);
  EXPECT_EQ(platform::rpc::FromProto(page->modified_date()),
            kNoon + absl::Seconds(7));
  std::vector<std::string> told;
  for (const v1::TimelineEntry& entry : page->timeline()) {
    told.push_back(absl::StrCat(
        absl::ToInt64Seconds(platform::rpc::FromProto(entry.at()) - kNoon), " ",
        entry.status(), " ", entry.by(), " ", entry.reason()));
  }
  EXPECT_THAT(told,
              ElementsAre("0 ORDERED customer ", "1 COOKING kitchen ",
                          "2 COOKED kitchen ", "3 CANCEL_PENDING customer 마음",
                          "4 CANCEL_REFUSED kitchen ALREADY_COOKED",
                          "5 DELIVERY_STARTED courier ", "6 DELIVERED courier ",
                          "7 COMPLETED courier "));
}

TEST_F(MypageServiceTest, ShowsWhatIsKnownSoFar) {
  // The kitchen was heard before the order.
  ASSERT_THAT(Apply(pool_, {Life(OrderId(1), 0)[1]}), IsOk());

  const absl::StatusOr<v1::Mypage> page = Get(OrderId(1));

  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->customer_id(), 7);
  EXPECT_EQ(page->order_status(),
            ::restaurant::order::v1::ORDER_STATUS_UNSPECIFIED);
  EXPECT_EQ(page->cook_status(), ::restaurant::cook::v1::TICKET_STATUS_COOKING);
  EXPECT_FALSE(page->has_create_date());
}

TEST_F(MypageServiceTest, AnUnknownOrderIsNotFound) {
  EXPECT_THAT(Get(OrderId(1)),
              Fails(absl::StatusCode::kNotFound, "MYPAGE_NOT_FOUND"));
}

TEST_F(MypageServiceTest, BadFieldsAreRefusedByName) {
  EXPECT_THAT(Get("1"),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Get(OrderId(1), -1),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(List(v1::ListMypagesRequest()),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(MypageServiceTest, AVersionThatIsThereIsAnsweredAtOnce) {
  ASSERT_THAT(Apply(pool_, Life(OrderId(1), 3)), IsOk());

  const absl::Time start = absl::Now();
  EXPECT_THAT(Get(OrderId(1), 4), IsOk());

  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

TEST_F(MypageServiceTest, WaitsForAVersion) {
  const std::vector<Message> life = Life(OrderId(1), 2);
  auto page =
      std::async(std::launch::async, [&] { return Get(OrderId(1), 2); });
  // Not there, then there but too old, then there.
  EXPECT_EQ(page.wait_for(std::chrono::milliseconds(150)),
            std::future_status::timeout);
  ASSERT_THAT(Apply(pool_, {life[0]}), IsOk());
  EXPECT_EQ(page.wait_for(std::chrono::milliseconds(150)),
            std::future_status::timeout);
  ASSERT_THAT(Apply(pool_, {life[3]}), IsOk());

  const absl::StatusOr<v1::Mypage> answer = page.get();

  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->order_version(), 2);
  EXPECT_EQ(answer->order_status(),
            ::restaurant::order::v1::ORDER_STATUS_CANCELLED);
}

TEST_F(MypageServiceTest, AVersionThatDoesNotComeIsAborted) {
  ASSERT_THAT(Apply(pool_, Life(OrderId(1), 5)), IsOk());

  const absl::Time start = absl::Now();
  const absl::Status known = Get(OrderId(1), 2).status();
  const absl::Duration took = absl::Now() - start;

  EXPECT_THAT(known, Fails(absl::StatusCode::kAborted, "VERSION_NOT_REACHED"));
  EXPECT_NE(platform::RetryAfterOf(known), std::nullopt);
  EXPECT_GT(took, absl::Milliseconds(1900));
  EXPECT_LT(took, absl::Seconds(4));
}

TEST_F(MypageServiceTest, AnOrderThatIsNeverHeardOfIsAbortedToo) {
  EXPECT_THAT(Get(OrderId(1), 1),
              Fails(absl::StatusCode::kAborted, "VERSION_NOT_REACHED"));
}

// The executor has two threads here; a waiting call must hold none of them.
TEST_F(MypageServiceTest, ThoseWhoWaitDoNotHoldUpOthers) {
  ASSERT_THAT(Apply(pool_, Life(OrderId(1), 5)), IsOk());
  std::vector<std::future<absl::StatusOr<v1::Mypage>>> waiting;
  for (int i = 0; i < 40; ++i) {
    waiting.push_back(
        std::async(std::launch::async, [&] { return Get(OrderId(1), 2); }));
  }
  absl::SleepFor(absl::Milliseconds(100));

  const absl::Time start = absl::Now();
  EXPECT_THAT(Get(OrderId(1)), IsOk());
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));

  for (auto& call : waiting) {
    EXPECT_THAT(call.get(),
                Fails(absl::StatusCode::kAborted, "VERSION_NOT_REACHED"));
  }
}

TEST_F(MypageServiceTest, TooManyWhoWaitAreRefused) {
  MypageServiceImpl narrow(access_, executor_, pool_, hub_, /*max_waiting=*/2);
  const auto server = platform::rpc::Server::Start(
      {.listen = "127.0.0.1:0"}, std::vector<grpc::Service*>{&narrow});
  ASSERT_THAT(server, IsOk());
  stub_ = StubOf(**server);

  std::vector<std::future<absl::StatusOr<v1::Mypage>>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(
        std::async(std::launch::async, [&] { return Get(OrderId(1), 1); }));
  }

  std::map<std::string, int> reasons;
  for (auto& call : calls) ++reasons[platform::ReasonOf(call.get().status())];
  EXPECT_THAT(reasons, ElementsAre(Pair("OVERLOADED", 3),
                                   Pair("VERSION_NOT_REACHED", 2)));
  // And those who come later find room again.
  EXPECT_THAT(Get(OrderId(1), 1),
              Fails(absl::StatusCode::kAborted, "VERSION_NOT_REACHED"));
}

TEST_F(MypageServiceTest, WhoeverLeavesWhileWaitingIsForgotten) {
  grpc::ClientContext context;
  v1::GetMypageRequest request;
  request.set_order_id(OrderId(1));
  request.set_min_order_version(1);
  v1::GetMypageResponse response;
  std::promise<grpc::StatusCode> answered;
  stub_->async()->GetMypage(&context, &request, &response,
                            [&](const grpc::Status& status) {
                              answered.set_value(status.error_code());
                            });
  absl::SleepFor(absl::Milliseconds(100));
  context.TryCancel();
  EXPECT_EQ(answered.get_future().get(), grpc::StatusCode::CANCELLED);

  // The server stops at once: it waits for nobody.
  const absl::Time start = absl::Now();
  server_->Stop(absl::Seconds(5));
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

TEST_F(MypageServiceTest, ListsACustomersOrdersNewestFirst) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_THAT(Apply(pool_, Life(OrderId(i), 0, i == 3 ? 8 : 7)), IsOk());
  }
  v1::ListMypagesRequest request;
  request.set_customer_id(7);

  const absl::StatusOr<v1::ListMypagesResponse> page = List(request);

  ASSERT_THAT(page, IsOk());
  std::vector<std::string> ids;
  for (const v1::Mypage& each : page->mypages()) ids.push_back(each.order_id());
  EXPECT_THAT(ids, ElementsAre(OrderId(5), OrderId(4), OrderId(2), OrderId(1)));
  EXPECT_THAT(page->next_page_token(), IsEmpty());
}

TEST_F(MypageServiceTest, PagesSurviveWhatIsWrittenMeanwhile) {
  for (int i = 1; i <= 7; ++i) {
    ASSERT_THAT(Apply(pool_, Life(OrderId(10 * i), 5)), IsOk());
  }
  v1::ListMypagesRequest request;
  request.set_customer_id(7);
  request.set_page_size(3);

  std::vector<std::string> ids;
  int pages = 0;
  do {
    const absl::StatusOr<v1::ListMypagesResponse> page = List(request);
    ASSERT_THAT(page, IsOk());
    for (const v1::Mypage& each : page->mypages()) {
      ids.push_back(each.order_id());
    }
    request.set_page_token(page->next_page_token());
    // A new order, and one that changes, between the pages.
    ASSERT_THAT(Apply(pool_, Life(OrderId(100 + pages), 0)), IsOk());
    ASSERT_THAT(Apply(pool_, Life(OrderId(10 * (pages + 1)), 0)), IsOk());
    ++pages;
  } while (!request.page_token().empty());

  EXPECT_EQ(pages, 3);
  EXPECT_THAT(ids,
              ElementsAre(OrderId(70), OrderId(60), OrderId(50), OrderId(40),
                          OrderId(30), OrderId(20), OrderId(10)));
}

TEST_F(MypageServiceTest, ListsOrdersOfOneStatusOnly) {
  for (int i = 0; i < 12; ++i) {
    ASSERT_THAT(Apply(pool_, Life(OrderId(i), i % kKinds)), IsOk());
  }
  v1::ListMypagesRequest request;
  request.set_customer_id(7);
  request.set_order_status(::restaurant::order::v1::ORDER_STATUS_CANCELLED);
  request.set_page_size(3);

  const absl::StatusOr<v1::ListMypagesResponse> first = List(request);
  ASSERT_THAT(first, IsOk());
  request.set_page_token(first->next_page_token());
  const absl::StatusOr<v1::ListMypagesResponse> second = List(request);
  ASSERT_THAT(second, IsOk());

  std::vector<std::string> ids;
  for (const auto* page : {&*first, &*second}) {
    for (const v1::Mypage& each : page->mypages()) {
      EXPECT_EQ(each.order_status(), request.order_status());
      ids.push_back(each.order_id());
    }
  }
  EXPECT_THAT(ids,
              ElementsAre(OrderId(10), OrderId(8), OrderId(4), OrderId(2)));
  EXPECT_THAT(second->next_page_token(), IsEmpty());
}

TEST_F(MypageServiceTest, ACustomerWithoutOrdersHasAnEmptyPage) {
  v1::ListMypagesRequest request;
  request.set_customer_id(2147483647);

  const absl::StatusOr<v1::ListMypagesResponse> page = List(request);

  ASSERT_THAT(page, IsOk());
  EXPECT_THAT(page->mypages(), IsEmpty());
  EXPECT_THAT(page->next_page_token(), IsEmpty());
}

TEST_F(MypageServiceTest, ADatabaseThatIsAwayIsSaidPolitely) {
  db_.Exec("ALTER TABLE mypage_views RENAME TO gone");
  EXPECT_THAT(Get(OrderId(1)), Fails(absl::StatusCode::kInternal, "INTERNAL"));
  db_.Exec("ALTER TABLE gone RENAME TO mypage_views");
  db_.KillBackends();
  // One or two may notice the dead connections; none may take the blame.
  absl::Status status;
  for (int i = 0; i < 10; ++i) {
    status = Get(OrderId(1)).status();
    if (absl::IsNotFound(status)) break;
    EXPECT_THAT(status,
                Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  }
  EXPECT_THAT(status, Fails(absl::StatusCode::kNotFound, "MYPAGE_NOT_FOUND"));
}

}  // namespace
}  // namespace mypage
