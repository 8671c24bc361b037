#include "order/adapters/order_validation.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

#include "platform/page/page_token.h"
#include "tests/support/status_matchers.h"

namespace order {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr char kId[] = "0190163d-8694-739b-aea5-966c26f8ad91";

// The fields that the BadRequest names.
std::vector<std::string> BadFields(const absl::Status& status) {
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  std::vector<std::string> fields;
  auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  if (!payload.has_value()) return fields;
  google::rpc::BadRequest bad;
  EXPECT_TRUE(bad.ParseFromString(std::string(*payload)));
  for (const auto& violation : bad.field_violations()) {
    fields.push_back(violation.field());
  }
  return fields;
}

v1::PlaceOrderRequest GoodPlace() {
  v1::PlaceOrderRequest request;
  request.set_customer_id(1);
  request.set_restaurant_id(2);
  request.set_restaurant_menu_id(3);
  request.set_qty(4);
  return request;
}

TEST(ValidatePlaceTest, TakesAGoodOne) {
  auto input = Validate(GoodPlace(), {});
  ASSERT_THAT(input.status(), IsOk());
  EXPECT_EQ(input->wish.qty, 4);
  EXPECT_EQ(input->request_id, "");
}

TEST(ValidatePlaceTest, NamesEveryBadField) {
  EXPECT_THAT(BadFields(Validate(v1::PlaceOrderRequest(), {}).status()),
              UnorderedElementsAre("customer_id", "restaurant_id",
                                   "restaurant_menu_id", "qty"));
}

TEST(ValidatePlaceTest, QtyIs1To100) {
  for (int qty : {1, 100}) {
    v1::PlaceOrderRequest request = GoodPlace();
    request.set_qty(qty);
    EXPECT_THAT(Validate(request, {}).status(), IsOk()) << qty;
  }
  for (int qty : {-1, 0, 101, std::numeric_limits<int32_t>::max(),
                  std::numeric_limits<int32_t>::min()}) {
    v1::PlaceOrderRequest request = GoodPlace();
    request.set_qty(qty);
    EXPECT_THAT(BadFields(Validate(request, {}).status()), ElementsAre("qty"))
        << qty;
  }
}

TEST(ValidatePlaceTest, IdsArePositive) {
  for (int bad : {0, -1, std::numeric_limits<int32_t>::min()}) {
    v1::PlaceOrderRequest request = GoodPlace();
    request.set_customer_id(bad);
    EXPECT_THAT(BadFields(Validate(request, {}).status()),
                ElementsAre("customer_id"));
    request = GoodPlace();
    request.set_restaurant_id(bad);
    EXPECT_THAT(BadFields(Validate(request, {}).status()),
                ElementsAre("restaurant_id"));
    request = GoodPlace();
    request.set_restaurant_menu_id(bad);
    EXPECT_THAT(BadFields(Validate(request, {}).status()),
                ElementsAre("restaurant_menu_id"));
  }
}

TEST(ValidatePlaceTest, KeyComesFromFieldOrMetadata) {
  v1::PlaceOrderRequest request = GoodPlace();
  EXPECT_EQ(Validate(request, {"from-header"})->request_id, "from-header");
  request.set_request_id("a.B:c_1-2");
  EXPECT_EQ(Validate(request, {})->request_id, "a.B:c_1-2");
  EXPECT_EQ(Validate(request, {"a.B:c_1-2"})->request_id, "a.B:c_1-2");
  EXPECT_THAT(BadFields(Validate(request, {"other"}).status()),
              ElementsAre("request_id"));
}

TEST(ValidatePlaceTest, AKeyThatIsGivenIsOneKey) {
  EXPECT_EQ(Validate(GoodPlace(), {"a", "a"})->request_id, "a");
  EXPECT_THAT(BadFields(Validate(GoodPlace(), {"a", "b"}).status()),
              ElementsAre("request_id"));
  EXPECT_THAT(BadFields(Validate(GoodPlace(), {""}).status()),
              ElementsAre("request_id"));
}

TEST(ValidatePlaceTest, KeyHasALengthAndAnAlphabet) {
  v1::PlaceOrderRequest request = GoodPlace();
  request.set_request_id(std::string(64, 'x'));
  EXPECT_THAT(Validate(request, {}).status(), IsOk());
  for (const std::string& bad :
       {std::string(65, 'x'), std::string("a b"), std::string("a'b"),
        std::string("a\0b", 3), std::string("\xc3\xa9")}) {
    request.set_request_id(bad);
    EXPECT_THAT(BadFields(Validate(request, {}).status()),
                ElementsAre("request_id"))
        << bad;
    EXPECT_THAT(BadFields(Validate(GoodPlace(), {bad}).status()),
                ElementsAre("request_id"))
        << bad;
  }
}

TEST(ValidateGetTest, IdIsAUuidInAnyCase) {
  v1::GetOrderRequest request;
  request.set_order_id("0190163D-8694-739B-AEA5-966C26F8AD91");
  EXPECT_EQ(*Validate(request), kId);
  for (const char* bad :
       {"", "7", "0190163d8694739baea5966c26f8ad91",
        "0190163d-8694-739b-aea5-966c26f8ad9g", "'; DROP TABLE orders; --"}) {
    request.set_order_id(bad);
    EXPECT_THAT(BadFields(Validate(request).status()), ElementsAre("order_id"))
        << bad;
  }
}

TEST(ValidateCancelTest, ReasonIsAtMost200Characters) {
  v1::CancelOrderRequest request;
  request.set_order_id(kId);
  EXPECT_THAT(Validate(request).status(), IsOk());
  std::string long_enough;
  for (int i = 0; i < 200; ++i) long_enough += "\xec\xb7\xa8";  // 취
  request.set_reason(long_enough);
  EXPECT_THAT(Validate(request).status(), IsOk());
  request.set_reason(long_enough + "!");
  EXPECT_THAT(BadFields(Validate(request).status()), ElementsAre("reason"));
  request.set_reason(std::string("a\0b", 3));
  EXPECT_THAT(BadFields(Validate(request).status()), ElementsAre("reason"));
}

TEST(ValidateListTest, DefaultsAndBounds) {
  v1::ListOrdersRequest request;
  request.set_customer_id(1);
  auto input = Validate(request);
  ASSERT_THAT(input.status(), IsOk());
  EXPECT_EQ(input->page_size, 20);
  EXPECT_EQ(input->status, std::nullopt);
  request.set_page_size(100);
  request.set_status(v1::ORDER_STATUS_CANCEL_PENDING);
  input = Validate(request);
  ASSERT_THAT(input.status(), IsOk());
  EXPECT_EQ(input->page_size, 100);
  EXPECT_EQ(input->status, OrderStatus::kCancelPending);
  for (int bad : {-1, 101, std::numeric_limits<int32_t>::max()}) {
    request.set_page_size(bad);
    EXPECT_THAT(BadFields(Validate(request).status()),
                ElementsAre("page_size"));
  }
  request.set_page_size(0);
  request.set_status(static_cast<v1::OrderStatus>(77));
  EXPECT_THAT(BadFields(Validate(request).status()), ElementsAre("status"));
  request.set_status(v1::ORDER_STATUS_UNSPECIFIED);
  request.set_customer_id(0);
  EXPECT_THAT(BadFields(Validate(request).status()),
              ElementsAre("customer_id"));
}

TEST(ValidateListTest, TokensAreOfThisFilter) {
  v1::ListOrdersRequest request;
  request.set_customer_id(1);
  const std::string scope = Validate(request)->scope;
  request.set_page_token(platform::EncodePageToken(scope, kId));
  auto input = Validate(request);
  ASSERT_THAT(input.status(), IsOk());
  EXPECT_EQ(input->before, kId);

  request.set_customer_id(2);
  EXPECT_THAT(BadFields(Validate(request).status()), ElementsAre("page_token"));
  request.set_customer_id(1);
  request.set_status(v1::ORDER_STATUS_ORDERED);
  EXPECT_THAT(BadFields(Validate(request).status()), ElementsAre("page_token"));
  request.set_status(v1::ORDER_STATUS_UNSPECIFIED);
  for (const std::string& bad :
       {std::string("x"), std::string(5000, 'A'),
        platform::EncodePageToken(scope, "not a uuid")}) {
    request.set_page_token(bad);
    EXPECT_THAT(BadFields(Validate(request).status()),
                ElementsAre("page_token"));
  }
}

}  // namespace
}  // namespace order
