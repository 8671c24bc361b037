// The kitchen's API over the wire.

#include "cook/adapters/cook_service.h"

#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "cook/adapters/access.h"
#include "platform/grpc/server.h"
#include "platform/grpc/status.h"
#include "platform/grpc/time.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"
#include "tests/integration/cook/kitchen.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tokens.h"

namespace cook {
namespace {

namespace v1 = ::restaurant::cook::v1;
using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class From { kPerson, kOrderService };

class CookServiceTest : public ::testing::Test {
 protected:
  CookServiceTest()
      : executor_({.name = "test", .threads = 2}),
        service_(*access_, kitchen_.process().pool(), executor_, platform::Now),
        server_(
            platform::rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service_})
                .value()),
        stub_(v1::CookService::NewStub(
            grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                grpc::InsecureChannelCredentials()))) {}

  // Calls an RPC: Call(&Stub::GetTicket, request). The person is an operator
  // where restaurants do not matter, else the kitchen of restaurants 1 to 9.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::CookService::Stub::*method)(grpc::ClientContext*,
                                                    const Request&, Response*),
      const Request& request, From from = From::kPerson) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(10));
    constexpr bool kOperators =
        std::is_same_v<Request, v1::CancelTicketRequest> ||
        std::is_same_v<Request, v1::ListCancellationsRequest>;
    context.AddMetadata(
        "authorization",
        absl::StrCat("Bearer ",
                     from == From::kOrderService ? issuers_.OrderService()
                     : kOperators
                         ? issuers_.Person("operator", "ops")
                         : issuers_.Person("kitchen", "k",
                                           {1, 2, 3, 4, 5, 6, 7, 8, 9})));
    Response response;
    const grpc::Status status = (*stub_.*method)(&context, request, &response);
    if (!status.ok()) return platform::rpc::FromGrpcStatus(status);
    return response;
  }

  absl::StatusOr<v1::CancelTicketResponse> Cancel(const OrderDetails& order,
                                                  From from) {
    v1::CancelTicketRequest request;
    request.set_order_id(order.order_id);
    request.set_restaurant_id(order.restaurant_id);
    request.set_restaurant_menu_id(order.restaurant_menu_id);
    request.set_customer_id(order.customer_id);
    request.set_qty(order.qty);
    request.set_reason("too slow");
    request.set_by("customer");
    return Call(&v1::CookService::Stub::CancelTicket, request, from);
  }

  absl::StatusOr<v1::GetTicketResponse> Get(const std::string& order_id) {
    v1::GetTicketRequest request;
    request.set_order_id(order_id);
    return Call(&v1::CookService::Stub::GetTicket, request);
  }

  absl::StatusOr<v1::FinishCookingResponse> Finish(
      const std::string& order_id) {
    v1::FinishCookingRequest request;
    request.set_order_id(order_id);
    return Call(&v1::CookService::Stub::FinishCooking, request);
  }

  absl::StatusOr<v1::SetStockResponse> SetStock(int32_t restaurant,
                                                int32_t item, int32_t on_hand) {
    v1::SetStockRequest request;
    request.set_restaurant_id(restaurant);
    request.set_restaurant_menu_id(item);
    request.set_on_hand(on_hand);
    return Call(&v1::CookService::Stub::SetStock, request);
  }

  absl::StatusOr<v1::GetStockResponse> GetStock(int32_t restaurant,
                                                int32_t item) {
    v1::GetStockRequest request;
    request.set_restaurant_id(restaurant);
    request.set_restaurant_menu_id(item);
    return Call(&v1::CookService::Stub::GetStock, request);
  }

  // The order ids of all pages of `page_size`.
  std::vector<std::string> AllTickets(v1::ListTicketsRequest request,
                                      int page_size) {
    std::vector<std::string> ids;
    request.set_page_size(page_size);
    do {
      const auto page = Call(&v1::CookService::Stub::ListTickets, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      EXPECT_LE(page->tickets_size(), page_size);
      for (const v1::Ticket& ticket : page->tickets()) {
        ids.push_back(ticket.order_id());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  Kitchen kitchen_;
  platform::Executor executor_;
  const test_support::Issuers issuers_;
  const std::unique_ptr<platform::auth::Access> access_ =
      issuers_.Enforce(AccessRules());
  CookService service_;
  std::unique_ptr<platform::rpc::Server> server_;
  std::unique_ptr<v1::CookService::Stub> stub_;
};

TEST_F(CookServiceTest, ATicketFromOrderedToCooked) {
  ASSERT_THAT(SetStock(1, 1, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen_.process().Hear({order}), IsOk());

  const v1::Ticket cooking = Get(order.order_id).value().ticket();
  EXPECT_EQ(cooking.order_id(), order.order_id);
  EXPECT_EQ(cooking.restaurant_id(), 1);
  EXPECT_EQ(cooking.restaurant_menu_id(), 1);
  EXPECT_EQ(cooking.customer_id(), 7);
  EXPECT_EQ(cooking.qty(), 3);
  EXPECT_EQ(cooking.status(), v1::TICKET_STATUS_COOKING);
  EXPECT_EQ(cooking.version(), 1);
  EXPECT_TRUE(cooking.has_create_date());

  const v1::Ticket cooked = Finish(order.order_id).value().ticket();
  EXPECT_EQ(cooked.status(), v1::TICKET_STATUS_COOKED);
  EXPECT_EQ(cooked.version(), 2);
  EXPECT_EQ(cooked.create_date().nanos(), cooking.create_date().nanos());

  // A repeat, and a read, answer the same to the last byte.
  EXPECT_EQ(Finish(order.order_id).value().ticket().SerializeAsString(),
            cooked.SerializeAsString());
  EXPECT_EQ(Get(order.order_id).value().ticket().SerializeAsString(),
            cooked.SerializeAsString());
  EXPECT_THAT(Cancel(order, From::kOrderService),
              Fails(absl::StatusCode::kFailedPrecondition, "ALREADY_COOKED"));
}

TEST_F(CookServiceTest, CancelsForTheCustomer) {
  ASSERT_THAT(SetStock(1, 1, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen_.process().Hear({order}), IsOk());

  const auto cancelled = Cancel(order, From::kOrderService);
  ASSERT_THAT(cancelled, IsOk());
  EXPECT_EQ(cancelled->by(), "customer");
  const v1::Ticket& ticket = cancelled->ticket();

  EXPECT_EQ(ticket.status(), v1::TICKET_STATUS_CANCELLED);
  EXPECT_EQ(ticket.reason(), "too slow");
  EXPECT_EQ(GetStock(1, 1).value().stock().on_hand(), 20);
  const auto list = Call(&v1::CookService::Stub::ListCancellations,
                         v1::ListCancellationsRequest())
                        .value();
  ASSERT_EQ(list.cancellations_size(), 1);
  EXPECT_EQ(list.cancellations(0).ticket().SerializeAsString(),
            ticket.SerializeAsString());
  EXPECT_EQ(list.cancellations(0).by(), "customer");
  EXPECT_EQ(list.cancellations(0).reason(), "too slow");
  EXPECT_EQ(list.cancellations(0).cancel_date().seconds(),
            ticket.modified_date().seconds());
}

TEST_F(CookServiceTest, WhoIsNotTheOrderServiceIsAnOperator) {
  ASSERT_THAT(SetStock(1, 1, 20), IsOk());
  const OrderDetails order = NewOrder(3);
  ASSERT_THAT(kitchen_.process().Hear({order}), IsOk());

  ASSERT_THAT(Cancel(order, From::kPerson), IsOk());
  EXPECT_THAT(Cancel(NewOrder(3), From::kPerson),
              Fails(absl::StatusCode::kNotFound, "TICKET_NOT_FOUND"));

  EXPECT_EQ(kitchen_.db().Value("SELECT cancelled_by FROM tickets"),
            "operator");
}

TEST_F(CookServiceTest, TheOrderServiceMakesTombstones) {
  const OrderDetails order = NewOrder(3);

  const v1::Ticket ticket = Cancel(order, From::kOrderService).value().ticket();

  EXPECT_EQ(ticket.status(), v1::TICKET_STATUS_CANCELLED);
  EXPECT_EQ(ticket.version(), 1);
  EXPECT_EQ(ticket.qty(), 3);
  EXPECT_EQ(
      Cancel(order, From::kOrderService).value().ticket().SerializeAsString(),
      ticket.SerializeAsString());
}

TEST_F(CookServiceTest, UnknownOrdersAreNotFound) {
  const std::string id = NewOrder(1).order_id;

  EXPECT_THAT(Get(id), Fails(absl::StatusCode::kNotFound, "TICKET_NOT_FOUND"));
  EXPECT_THAT(Finish(id),
              Fails(absl::StatusCode::kNotFound, "TICKET_NOT_FOUND"));
}

TEST_F(CookServiceTest, StockThatWasNeverSetIsNone) {
  const v1::Stock stock = GetStock(5, 6).value().stock();

  EXPECT_EQ(stock.restaurant_id(), 5);
  EXPECT_EQ(stock.restaurant_menu_id(), 6);
  EXPECT_EQ(stock.on_hand(), 0);
  EXPECT_FALSE(stock.has_modified_date());
}

TEST_F(CookServiceTest, StockIsWhatWasSet) {
  const v1::Stock first = SetStock(1, 1, 20).value().stock();
  EXPECT_EQ(first.on_hand(), 20);
  EXPECT_TRUE(first.has_modified_date());
  EXPECT_EQ(SetStock(1, 1, 20).value().stock().SerializeAsString(),
            first.SerializeAsString());
  EXPECT_EQ(GetStock(1, 1).value().stock().SerializeAsString(),
            first.SerializeAsString());

  EXPECT_EQ(SetStock(1, 1, 0).value().stock().on_hand(), 0);
  EXPECT_EQ(SetStock(1, 2, 0).value().stock().on_hand(), 0);
  EXPECT_TRUE(GetStock(1, 2).value().stock().has_modified_date());
  EXPECT_EQ(SetStock(1, 1, kMaxOnHand).value().stock().on_hand(), kMaxOnHand);
  kitchen_.ExpectBooksBalance();
}

TEST_F(CookServiceTest, ListsTicketsNewestFirst) {
  ASSERT_THAT(SetStock(1, 1, 4), IsOk());
  std::vector<std::string> newest_first;
  for (int i = 0; i < 7; ++i) {
    const OrderDetails order = NewOrder(1);
    ASSERT_THAT(kitchen_.process().Hear({order}), IsOk());
    newest_first.insert(newest_first.begin(), order.order_id);
    absl::SleepFor(absl::Milliseconds(2));  // ids sort by the millisecond
  }
  ASSERT_THAT(kitchen_.process().Hear({NewOrder(1, Item{2, 1})}), IsOk());
  v1::ListTicketsRequest request;
  request.set_restaurant_id(1);

  for (const int page_size : {1, 2, 3, 7, 8, 100}) {
    EXPECT_EQ(AllTickets(request, page_size), newest_first);
  }
  request.set_status(v1::TICKET_STATUS_REJECTED);
  EXPECT_THAT(AllTickets(request, 2),
              ElementsAre(newest_first[0], newest_first[1], newest_first[2]));
  request.set_status(v1::TICKET_STATUS_COOKED);
  EXPECT_THAT(AllTickets(request, 2), IsEmpty());
}

TEST_F(CookServiceTest, APageSurvivesNewTickets) {
  v1::ListTicketsRequest request;
  request.set_restaurant_id(1);
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    const OrderDetails order = NewOrder(1);
    ids.push_back(order.order_id);
    ASSERT_THAT(kitchen_.process().Hear({order}), IsOk());
    absl::SleepFor(absl::Milliseconds(2));
  }
  request.set_page_size(2);
  const auto first = Call(&v1::CookService::Stub::ListTickets, request).value();

  ASSERT_THAT(kitchen_.process().Hear({NewOrder(1)}), IsOk());
  request.set_page_token(first.next_page_token());
  const auto second =
      Call(&v1::CookService::Stub::ListTickets, request).value();

  ASSERT_EQ(second.tickets_size(), 2);
  EXPECT_EQ(second.tickets(0).order_id(), ids[1]);
  EXPECT_EQ(second.tickets(1).order_id(), ids[0]);
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(CookServiceTest, ListsCancellationsLatestFirst) {
  ASSERT_THAT(SetStock(1, 1, 100), IsOk());
  std::vector<OrderDetails> orders;
  for (int i = 0; i < 5; ++i) orders.push_back(NewOrder(1));
  orders.push_back(NewOrder(1, Item{2, 1}));
  ASSERT_THAT(kitchen_.process().Hear({orders[0], orders[1], orders[2]}),
              IsOk());
  // Not in the order in which they were placed; three of them tombstones.
  std::vector<std::string> latest_first;
  for (const size_t i : {3U, 0U, 5U, 2U, 1U, 4U}) {
    ASSERT_THAT(Cancel(orders[i], From::kOrderService), IsOk());
    latest_first.insert(latest_first.begin(), orders[i].order_id);
  }

  for (const int restaurant : {0, 1}) {
    for (const int page_size : {1, 2, 5, 6}) {
      std::vector<std::string> seen;
      v1::ListCancellationsRequest request;
      request.set_restaurant_id(restaurant);
      request.set_page_size(page_size);
      do {
        const auto page =
            Call(&v1::CookService::Stub::ListCancellations, request).value();
        for (const v1::Cancellation& cancellation : page.cancellations()) {
          seen.push_back(cancellation.ticket().order_id());
        }
        request.set_page_token(page.next_page_token());
      } while (!request.page_token().empty());
      std::vector<std::string> expected = latest_first;
      if (restaurant == 1) std::erase(expected, orders[5].order_id);
      EXPECT_EQ(seen, expected);
    }
  }
}

// Cancels of the very same microsecond: the id decides, none is lost between
// pages and none comes twice.
TEST_F(CookServiceTest, CancellationsOfOneMomentArePagedToo) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(Cancel(NewOrder(1), From::kOrderService), IsOk());
  }
  kitchen_.db().Exec("UPDATE tickets SET modified_at = '2026-01-01'");
  v1::ListCancellationsRequest request;
  request.set_page_size(2);
  std::set<std::string> seen;
  int count = 0;
  do {
    const auto page =
        Call(&v1::CookService::Stub::ListCancellations, request).value();
    for (const v1::Cancellation& cancellation : page.cancellations()) {
      seen.insert(cancellation.ticket().order_id());
      ++count;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  EXPECT_EQ(count, 5);
  EXPECT_EQ(seen.size(), 5U);
}

TEST_F(CookServiceTest, ListsStockByMenuItem) {
  for (const int item : {30, 10, 20, 40}) {
    ASSERT_THAT(SetStock(1, item, item), IsOk());
  }
  ASSERT_THAT(SetStock(2, 5, 1), IsOk());
  for (const int page_size : {1, 2, 3, 4, 5}) {
    std::vector<int> items;
    v1::ListStockRequest request;
    request.set_restaurant_id(1);
    request.set_page_size(page_size);
    do {
      const auto page =
          Call(&v1::CookService::Stub::ListStock, request).value();
      for (const v1::Stock& stock : page.stocks()) {
        EXPECT_EQ(stock.on_hand(), stock.restaurant_menu_id());
        items.push_back(stock.restaurant_menu_id());
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(items, ElementsAre(10, 20, 30, 40));
  }
}

// One bad request of each kind; all of them in cook_validation_test.
TEST_F(CookServiceTest, BadInputIsRefusedAndWritesNothing) {
  const auto invalid =
      Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD");
  OrderDetails nameless = NewOrder(1);
  nameless.order_id = "'; DROP TABLE tickets; --";
  OrderDetails none = NewOrder(0);

  EXPECT_THAT(Cancel(nameless, From::kPerson), invalid);
  EXPECT_THAT(Cancel(none, From::kOrderService), invalid);
  EXPECT_THAT(Get("7"), invalid);
  EXPECT_THAT(Finish(""), invalid);
  EXPECT_THAT(GetStock(0, 1), invalid);
  EXPECT_THAT(SetStock(1, 1, -1), invalid);
  EXPECT_THAT(SetStock(1, 1, std::numeric_limits<int32_t>::max()), invalid);
  EXPECT_THAT(
      Call(&v1::CookService::Stub::ListTickets, v1::ListTicketsRequest()),
      invalid);
  EXPECT_THAT(Call(&v1::CookService::Stub::ListStock, v1::ListStockRequest()),
              invalid);
  v1::ListCancellationsRequest list;
  list.set_page_token("!");
  EXPECT_THAT(Call(&v1::CookService::Stub::ListCancellations, list), invalid);

  EXPECT_EQ(kitchen_.db().Value("SELECT (SELECT count(*) FROM tickets) + "
                                "(SELECT count(*) FROM stocks)"),
            "0");
}

}  // namespace
}  // namespace cook
