#include "delivery/adapters/delivery_validation.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/page/page_token.h"
#include "platform/status/error.h"
#include "tests/support/status_matchers.h"

namespace delivery {
namespace {

using test_support::Fails;
using test_support::IsOk;

constexpr char kValidId[] = "01890000-0000-7000-8000-00000000000a";

MATCHER_P(RefusesField, field, "") {
  *result_listener << test_support::StatusOf(arg);
  return test_support::StatusOf(arg).code() ==
             absl::StatusCode::kInvalidArgument &&
         platform::DetailOf(test_support::StatusOf(arg), "field") == field;
}

TEST(GetDeliveryValidationTest, AnOrderIdIsAUuid) {
  v1::GetDeliveryRequest request;
  request.set_order_id("01890000-0000-7000-8000-00000000000A");
  EXPECT_EQ(Checked(request).value(), kValidId);

  for (const char* bad : {"", "1", "' OR 1=1 --", "\xf0\x9f\x8d\x9c"}) {
    request.set_order_id(bad);
    EXPECT_THAT(Checked(request), RefusesField("order_id")) << bad;
  }
}

TEST(CompleteDeliveryValidationTest, AnOrderIdIsAUuid) {
  v1::CompleteDeliveryRequest request;
  request.set_order_id(kValidId);
  EXPECT_EQ(Checked(request).value(), kValidId);

  request.set_order_id("nonsense");
  EXPECT_THAT(Checked(request), RefusesField("order_id"));
}

TEST(ListDeliveriesValidationTest, NothingGivenIsTheFirstPageOfAll) {
  const auto page = Checked(v1::ListDeliveriesRequest());

  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->status, std::nullopt);
  EXPECT_EQ(page->size, 20);
  EXPECT_EQ(page->before, "");
}

TEST(ListDeliveriesValidationTest, PageSizesAreUpToAHundred) {
  v1::ListDeliveriesRequest request;
  request.set_page_size(100);
  EXPECT_EQ(Checked(request)->size, 100);

  for (const int bad : {-1, 101, std::numeric_limits<int>::max(),
                        std::numeric_limits<int>::min()}) {
    request.set_page_size(bad);
    EXPECT_THAT(Checked(request), RefusesField("page_size")) << bad;
  }
}

TEST(ListDeliveriesValidationTest, StatusesAreKnownOnes) {
  v1::ListDeliveriesRequest request;
  request.set_status(v1::DELIVERY_STATUS_DELIVERED);
  EXPECT_EQ(Checked(request)->status, DeliveryStatus::kDelivered);

  for (const int bad : {-1, 3, 99}) {
    request.set_status(static_cast<v1::DeliveryStatus>(bad));
    EXPECT_THAT(Checked(request), RefusesField("status")) << bad;
  }
}

TEST(ListDeliveriesValidationTest, ATokenContinuesItsOwnListOnly) {
  v1::ListDeliveriesRequest request;
  request.set_status(v1::DELIVERY_STATUS_STARTED);
  DeliveryData last;
  last.parcel.order_id = kValidId;
  request.set_page_token(TokenAfter(*Checked(request), last));
  EXPECT_EQ(Checked(request)->before, kValidId);

  request.set_status(v1::DELIVERY_STATUS_DELIVERED);
  EXPECT_THAT(Checked(request), RefusesField("page_token"));
  request.clear_status();
  EXPECT_THAT(Checked(request), RefusesField("page_token"));
  request.set_page_token("nonsense");
  EXPECT_THAT(Checked(request), RefusesField("page_token"));
}

// It would reach Postgres as an id.
TEST(ListDeliveriesValidationTest, AForgedTokenIsRefused) {
  v1::ListDeliveriesRequest request;
  const std::string scope = Checked(request)->scope;
  request.set_page_token(platform::EncodePageToken(scope, "not an id"));

  EXPECT_THAT(Checked(request), RefusesField("page_token"));
}

TEST(CookedValidationTest, EveryFieldOfTheTicketIsChecked) {
  ::restaurant::cook::v1::Cooked good;
  auto* ticket = good.mutable_ticket();
  ticket->set_order_id(kValidId);
  ticket->set_restaurant_id(1);
  ticket->set_restaurant_menu_id(2);
  ticket->set_customer_id(3);
  ticket->set_qty(4);
  EXPECT_EQ(Checked(good).value(), (Parcel{.order_id = kValidId,
                                           .restaurant_id = 1,
                                           .restaurant_menu_id = 2,
                                           .customer_id = 3,
                                           .qty = 4}));

  auto bad = good;
  bad.mutable_ticket()->clear_order_id();
  EXPECT_THAT(Checked(bad), RefusesField("ticket.order_id"));
  bad = good;
  bad.mutable_ticket()->set_restaurant_id(-1);
  EXPECT_THAT(Checked(bad), RefusesField("ticket.restaurant_id"));
  bad = good;
  bad.mutable_ticket()->set_restaurant_menu_id(0);
  EXPECT_THAT(Checked(bad), RefusesField("ticket.restaurant_menu_id"));
  bad = good;
  bad.mutable_ticket()->set_customer_id(0);
  EXPECT_THAT(Checked(bad), RefusesField("ticket.customer_id"));
  for (const int qty : {-1, 0, 101}) {
    bad = good;
    bad.mutable_ticket()->set_qty(qty);
    EXPECT_THAT(Checked(bad), RefusesField("ticket.qty")) << qty;
  }
  EXPECT_THAT(Checked(::restaurant::cook::v1::Cooked()),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

}  // namespace
}  // namespace delivery
