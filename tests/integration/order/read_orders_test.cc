// GetOrder and ListOrders.

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"

#include "platform/uuid/uuid.h"
#include "tests/integration/order/order_fixture.h"

namespace order {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::SizeIs;

class ReadOrdersTest : public OrderFixture {
 protected:
  absl::StatusOr<v1::ListOrdersResponse> List(
      int customer, int page_size = 0, const std::string& token = "",
      v1::OrderStatus status = v1::ORDER_STATUS_UNSPECIFIED) {
    grpc::ClientContext context;
    v1::ListOrdersRequest request;
    request.set_customer_id(customer);
    request.set_page_size(page_size);
    request.set_page_token(token);
    request.set_status(status);
    v1::ListOrdersResponse response;
    const grpc::Status got = stub_->ListOrders(&context, request, &response);
    if (!got.ok()) return platform::rpc::FromGrpcStatus(got);
    return response;
  }
  // All ids, page by page.
  std::vector<std::string> ListAll(int customer, int page_size) {
    std::vector<std::string> ids;
    std::string token;
    do {
      const auto page = List(customer, page_size, token);
      EXPECT_THAT(page.status(), IsOk());
      if (!page.ok()) break;
      EXPECT_LE(page->orders_size(), page_size);
      for (const auto& order : page->orders()) ids.push_back(order.order_id());
      token = page->next_page_token();
    } while (!token.empty());
    return ids;
  }
};

TEST_F(ReadOrdersTest, AnUnknownIdIsNotFound) {
  EXPECT_THAT(Get(platform::NewUuid(platform::Now())).status(),
              Fails(absl::StatusCode::kNotFound, "ORDER_NOT_FOUND"));
  EXPECT_THAT(Get("42").status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Get("").status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(ReadOrdersTest, AnIdIsFoundInUpperCase) {
  std::string id = PlaceOne();
  const std::string canonical = id;
  for (char& c : id) c = static_cast<char>(std::toupper(c));
  const auto order = Get(id);
  ASSERT_THAT(order.status(), IsOk());
  EXPECT_EQ(order->order_id(), canonical);
}

TEST_F(ReadOrdersTest, ListsACustomersOrdersNewestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    ids.insert(ids.begin(), Place(Wish("", 1))->order_id());
    ASSERT_THAT(Place(Wish("", 2)).status(), IsOk());
    absl::SleepFor(absl::Milliseconds(2));
  }
  EXPECT_THAT(ListAll(1, 3), ElementsAreArray(ids));
  EXPECT_THAT(ListAll(1, 7), ElementsAreArray(ids));
  EXPECT_THAT(ListAll(1, 100), ElementsAreArray(ids));
  // The last page, exactly full, knows that it is the last.
  EXPECT_EQ(List(1, 7)->next_page_token(), "");
  EXPECT_THAT(List(3)->orders(), SizeIs(0));
  EXPECT_EQ(List(1)->orders_size(), 7) << "0 means 20";
}

TEST_F(ReadOrdersTest, FiltersByStatus) {
  const std::string kept = PlaceOne();
  const std::string cancelled = PlaceOne();
  ASSERT_THAT(Cancel(cancelled).status(), IsOk());
  const auto list = List(1, 0, "", v1::ORDER_STATUS_CANCELLED);
  ASSERT_THAT(list.status(), IsOk());
  ASSERT_THAT(list->orders(), SizeIs(1));
  EXPECT_EQ(list->orders(0).order_id(), cancelled);
  EXPECT_EQ(List(1, 0, "", v1::ORDER_STATUS_ORDERED)->orders(0).order_id(),
            kept);
  EXPECT_THAT(List(1, 0, "", v1::ORDER_STATUS_COMPLETED)->orders(), SizeIs(0));
}

TEST_F(ReadOrdersTest, ATokenIsBoundToItsFilter) {
  PlaceOne();
  PlaceOne();
  const std::string token = List(1, 1)->next_page_token();
  ASSERT_NE(token, "");
  EXPECT_THAT(List(2, 1, token).status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(List(1, 1, token, v1::ORDER_STATUS_ORDERED).status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(List(1, 1, "nonsense").status(),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(List(1, 100, token).status(), IsOk()) << "the size may change";
}

TEST_F(ReadOrdersTest, PagesSurviveConcurrentWrites) {
  std::set<std::string> before;
  for (int i = 0; i < 30; ++i) before.insert(PlaceOne());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop.load()) PlaceOne();
  });
  for (int i = 0; i < 10; ++i) {
    const std::vector<std::string> ids = ListAll(1, 7);
    const std::set<std::string> seen(ids.begin(), ids.end());
    EXPECT_EQ(seen.size(), ids.size()) << "an order was listed twice";
    for (const std::string& id : before) {
      EXPECT_EQ(seen.count(id), 1U) << "an order was skipped";
    }
  }
  stop.store(true);
  writer.join();
}

}  // namespace
}  // namespace order
