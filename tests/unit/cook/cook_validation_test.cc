#include "cook/adapters/cook_validation.h"

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

#include "platform/page/page_token.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/support/status_matchers.h"

namespace cook {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;

constexpr char kId[] = "0190a000-0000-7000-8000-00000000000a";
constexpr int32_t kHuge = std::numeric_limits<int32_t>::max();
constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();

// The fields that the BadRequest of `status` names.
std::vector<std::string> BadFields(const absl::Status& status) {
  std::vector<std::string> fields;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    google::rpc::BadRequest bad;
    if (!absl::EndsWith(url, "google.rpc.BadRequest")) return;
    ASSERT_TRUE(bad.ParseFromString(std::string(value)));
    for (const auto& violation : bad.field_violations()) {
      fields.push_back(violation.field());
    }
  });
  return fields;
}

// Expects that `request`, which is good, is accepted, and that after `spoil` it
// is refused for exactly `field`.
template <typename Request, typename... Args>
void ExpectRefused(Request request, const std::string& field,
                   const std::function<void(Request&)>& spoil, Args... args) {
  EXPECT_THAT(Checked(request, args...), IsOk());
  spoil(request);
  SCOPED_TRACE(request.ShortDebugString());

  const auto checked = Checked(request, args...);

  EXPECT_THAT(checked,
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(BadFields(checked.status()), ElementsAre(field));
}

// Not UUIDs, some of them dangerous elsewhere.
const std::vector<std::string>& BadIds() {
  static const auto* const ids = new std::vector<std::string>{
      "",
      "1",
      "0190a000-0000-7000-8000-00000000000",
      "0190a000-0000-7000-8000-00000000000aa",
      "0190a000-0000-7000-8000-00000000000g",
      "0190a00000007000800000000000000a",
      "{0190a000-0000-7000-8000-00000000000a}",
      "'; DROP TABLE tickets; --",
      std::string("0190a000-0000-7000-8000-00000000000a\0", 37)};
  return *ids;
}

using Order = ::restaurant::order::v1::Ordered;

Order GoodOrder() {
  Order event;
  event.mutable_order()->set_order_id(kId);
  event.mutable_order()->set_restaurant_id(1);
  event.mutable_order()->set_restaurant_menu_id(2);
  event.mutable_order()->set_customer_id(3);
  event.mutable_order()->set_qty(4);
  return event;
}

v1::CancelTicketRequest GoodCancel() {
  v1::CancelTicketRequest request;
  request.set_order_id(kId);
  request.set_restaurant_id(1);
  request.set_restaurant_menu_id(2);
  request.set_customer_id(3);
  request.set_qty(4);
  request.set_reason("too slow");
  request.set_by("customer");
  return request;
}

TEST(OrderedTest, SaysWhatWasOrdered) {
  EXPECT_EQ(Checked(GoodOrder()).value(), (OrderDetails{.order_id = kId,
                                                        .restaurant_id = 1,
                                                        .restaurant_menu_id = 2,
                                                        .customer_id = 3,
                                                        .qty = 4}));
}

TEST(OrderedTest, EveryFieldHasARule) {
  for (const std::string& id : BadIds()) {
    ExpectRefused<Order>(GoodOrder(), "order.order_id", [&](Order& e) {
      e.mutable_order()->set_order_id(id);
    });
  }
  for (const int32_t id : {0, -1, kLeast}) {
    ExpectRefused<Order>(GoodOrder(), "order.restaurant_id", [&](Order& e) {
      e.mutable_order()->set_restaurant_id(id);
    });
    ExpectRefused<Order>(
        GoodOrder(), "order.restaurant_menu_id",
        [&](Order& e) { e.mutable_order()->set_restaurant_menu_id(id); });
    ExpectRefused<Order>(GoodOrder(), "order.customer_id", [&](Order& e) {
      e.mutable_order()->set_customer_id(id);
    });
  }
  for (const int32_t qty : {0, -1, 101, kHuge, kLeast}) {
    ExpectRefused<Order>(GoodOrder(), "order.qty",
                         [&](Order& e) { e.mutable_order()->set_qty(qty); });
  }
}

TEST(CancelTicketRequestTest, OfTheOrderServiceMayMakeATombstone) {
  const CancelCommand command = Checked(GoodCancel(), true).value();

  EXPECT_EQ(command.order, (OrderDetails{.order_id = kId,
                                         .restaurant_id = 1,
                                         .restaurant_menu_id = 2,
                                         .customer_id = 3,
                                         .qty = 4}));
  EXPECT_EQ(command.reason, "too slow");
  EXPECT_EQ(command.by, "customer");
  EXPECT_TRUE(command.may_make_tombstone);
}

TEST(CancelTicketRequestTest, OfAnybodyElseIsAnOperators) {
  v1::CancelTicketRequest request;
  request.set_order_id(kId);
  request.set_by("customer");

  const CancelCommand command = Checked(request, false).value();

  EXPECT_EQ(command.by, "operator");
  EXPECT_FALSE(command.may_make_tombstone);
}

TEST(CancelTicketRequestTest, OfTheOrderServiceMayBeAnOperators) {
  for (const char* by : {"", "operator"}) {
    v1::CancelTicketRequest request = GoodCancel();
    request.set_by(by);
    EXPECT_EQ(Checked(request, true).value().by, "operator");
  }
}

TEST(CancelTicketRequestTest, IdsMayBeInCapitals) {
  v1::CancelTicketRequest request = GoodCancel();
  request.set_order_id("0190A000-0000-7000-8000-00000000000A");

  EXPECT_EQ(Checked(request, true).value().order.order_id, kId);
}

TEST(CancelTicketRequestTest, EveryFieldHasARule) {
  using Request = v1::CancelTicketRequest;
  for (const bool from_order : {true, false}) {
    for (const std::string& id : BadIds()) {
      ExpectRefused<Request>(
          GoodCancel(), "order_id", [&](Request& r) { r.set_order_id(id); },
          from_order);
    }
    for (const int32_t id : {-1, kLeast}) {
      ExpectRefused<Request>(
          GoodCancel(), "restaurant_id",
          [&](Request& r) { r.set_restaurant_id(id); }, from_order);
      ExpectRefused<Request>(
          GoodCancel(), "restaurant_menu_id",
          [&](Request& r) { r.set_restaurant_menu_id(id); }, from_order);
      ExpectRefused<Request>(
          GoodCancel(), "customer_id",
          [&](Request& r) { r.set_customer_id(id); }, from_order);
    }
    for (const int32_t qty : {-1, 101, kHuge, kLeast}) {
      ExpectRefused<Request>(
          GoodCancel(), "qty", [&](Request& r) { r.set_qty(qty); }, from_order);
    }
    ExpectRefused<Request>(
        GoodCancel(), "reason",
        [](Request& r) { r.set_reason(std::string(201, 'x')); }, from_order);
    ExpectRefused<Request>(
        GoodCancel(), "reason",
        [](Request& r) { r.set_reason(std::string("a\0b", 3)); }, from_order);
    for (const char* by : {"kitchen", "CUSTOMER", "order", " "}) {
      ExpectRefused<Request>(
          GoodCancel(), "by", [&](Request& r) { r.set_by(by); }, from_order);
    }
  }
}

TEST(CancelTicketRequestTest, TheOrderServiceMustSayEverything) {
  using Request = v1::CancelTicketRequest;
  ExpectRefused<Request>(
      GoodCancel(), "restaurant_id", [](Request& r) { r.set_restaurant_id(0); },
      true);
  ExpectRefused<Request>(
      GoodCancel(), "restaurant_menu_id",
      [](Request& r) { r.set_restaurant_menu_id(0); }, true);
  ExpectRefused<Request>(
      GoodCancel(), "customer_id", [](Request& r) { r.set_customer_id(0); },
      true);
  ExpectRefused<Request>(
      GoodCancel(), "qty", [](Request& r) { r.set_qty(0); }, true);
}

TEST(CancelTicketRequestTest, AReasonIsCountedInCharactersNotBytes) {
  v1::CancelTicketRequest request = GoodCancel();
  std::string reason;
  for (int i = 0; i < 200; ++i) absl::StrAppend(&reason, "맛");
  request.set_reason(reason);
  EXPECT_THAT(Checked(request, true), IsOk());

  request.set_reason(absl::StrCat(reason, "맛"));
  EXPECT_THAT(Checked(request, true),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST(CancelTicketRequestTest, NamesEveryBadField) {
  v1::CancelTicketRequest request;
  request.set_by("nobody");

  EXPECT_THAT(BadFields(Checked(request, true).status()),
              ElementsAre("order_id", "restaurant_id", "restaurant_menu_id",
                          "customer_id", "qty", "by"));
}

TEST(GetTicketRequestTest, NeedsAnId) {
  v1::GetTicketRequest good;
  good.set_order_id(kId);
  for (const std::string& id : BadIds()) {
    ExpectRefused<v1::GetTicketRequest>(good, "order_id",
                                        [&](auto& r) { r.set_order_id(id); });
  }
}

TEST(FinishCookingRequestTest, NeedsAnId) {
  v1::FinishCookingRequest good;
  good.set_order_id(kId);
  for (const std::string& id : BadIds()) {
    ExpectRefused<v1::FinishCookingRequest>(
        good, "order_id", [&](auto& r) { r.set_order_id(id); });
  }
}

TEST(StockRequestsTest, EveryFieldHasARule) {
  v1::GetStockRequest get;
  get.set_restaurant_id(1);
  get.set_restaurant_menu_id(2);
  v1::SetStockRequest set;
  set.set_restaurant_id(1);
  set.set_restaurant_menu_id(2);
  EXPECT_EQ(Checked(get).value(), (Item{1, 2}));
  EXPECT_EQ(Checked(set).value(), (Item{1, 2}));

  for (const int32_t id : {0, -1, kLeast}) {
    ExpectRefused<v1::GetStockRequest>(
        get, "restaurant_id", [&](auto& r) { r.set_restaurant_id(id); });
    ExpectRefused<v1::GetStockRequest>(get, "restaurant_menu_id", [&](auto& r) {
      r.set_restaurant_menu_id(id);
    });
    ExpectRefused<v1::SetStockRequest>(
        set, "restaurant_id", [&](auto& r) { r.set_restaurant_id(id); });
    ExpectRefused<v1::SetStockRequest>(set, "restaurant_menu_id", [&](auto& r) {
      r.set_restaurant_menu_id(id);
    });
  }
  for (const int32_t on_hand : {-1, 1'000'001, kHuge, kLeast}) {
    ExpectRefused<v1::SetStockRequest>(
        set, "on_hand", [&](auto& r) { r.set_on_hand(on_hand); });
  }
  set.set_on_hand(1'000'000);
  EXPECT_THAT(Checked(set), IsOk());
}

TEST(ListRequestsTest, EveryFieldHasARule) {
  v1::ListTicketsRequest tickets;
  tickets.set_restaurant_id(1);
  v1::ListStockRequest stock;
  stock.set_restaurant_id(1);
  const v1::ListCancellationsRequest cancellations;

  for (const int32_t id : {0, -1, kLeast}) {
    ExpectRefused<v1::ListTicketsRequest>(
        tickets, "restaurant_id", [&](auto& r) { r.set_restaurant_id(id); });
    ExpectRefused<v1::ListStockRequest>(
        stock, "restaurant_id", [&](auto& r) { r.set_restaurant_id(id); });
  }
  ExpectRefused<v1::ListCancellationsRequest>(
      cancellations, "restaurant_id", [](auto& r) { r.set_restaurant_id(-1); });
  for (const int32_t size : {-1, 101, kHuge, kLeast}) {
    ExpectRefused<v1::ListTicketsRequest>(
        tickets, "page_size", [&](auto& r) { r.set_page_size(size); });
    ExpectRefused<v1::ListStockRequest>(
        stock, "page_size", [&](auto& r) { r.set_page_size(size); });
    ExpectRefused<v1::ListCancellationsRequest>(
        cancellations, "page_size", [&](auto& r) { r.set_page_size(size); });
  }
  for (const int status : {-1, 5, 99}) {
    ExpectRefused<v1::ListTicketsRequest>(tickets, "status", [&](auto& r) {
      r.set_status(static_cast<v1::TicketStatus>(status));
    });
  }
  for (const char* token : {"x", "'; --", "AAAA"}) {
    ExpectRefused<v1::ListTicketsRequest>(
        tickets, "page_token", [&](auto& r) { r.set_page_token(token); });
    ExpectRefused<v1::ListStockRequest>(
        stock, "page_token", [&](auto& r) { r.set_page_token(token); });
    ExpectRefused<v1::ListCancellationsRequest>(
        cancellations, "page_token", [&](auto& r) { r.set_page_token(token); });
  }
}

// Tokens are opaque, not signed: whoever makes one up must not reach the SQL.
TEST(ListRequestsTest, AForgedKeyIsRefused) {
  v1::ListTicketsRequest tickets;
  tickets.set_restaurant_id(1);
  v1::ListStockRequest stock;
  stock.set_restaurant_id(1);
  const v1::ListCancellationsRequest cancellations;

  ExpectRefused<v1::ListTicketsRequest>(tickets, "page_token", [&](auto& r) {
    r.set_page_token(
        platform::EncodePageToken(Checked(tickets).value().scope, "no uuid"));
  });
  ExpectRefused<v1::ListStockRequest>(stock, "page_token", [&](auto& r) {
    r.set_page_token(
        platform::EncodePageToken(Checked(stock).value().scope, "no number"));
  });
  for (const std::string key :
       {"1", "1 2", "x 0190a000-0000-7000-8000-00000000000a",
        "1 0190a000-0000-7000-8000-00000000000a 3",
        "-1 0190a000-0000-7000-8000-00000000000a",
        "9223372036854775807 0190a000-0000-7000-8000-00000000000a"}) {
    ExpectRefused<v1::ListCancellationsRequest>(
        cancellations, "page_token", [&](auto& r) {
          r.set_page_token(platform::EncodePageToken(
              Checked(cancellations).value().scope, key));
        });
  }
}

TEST(ListRequestsTest, ATokenBelongsToItsFilter) {
  v1::ListTicketsRequest request;
  request.set_restaurant_id(1);
  const TicketsPage page = Checked(request).value();
  EXPECT_EQ(page.size, 20);
  TicketData last;
  last.order.order_id = kId;
  request.set_page_token(TokenAfter(page, last));
  EXPECT_EQ(Checked(request).value().before, kId);

  ExpectRefused<v1::ListTicketsRequest>(
      request, "page_token", [](auto& r) { r.set_restaurant_id(2); });
  ExpectRefused<v1::ListTicketsRequest>(request, "page_token", [](auto& r) {
    r.set_status(v1::TICKET_STATUS_COOKED);
  });
}

TEST(ListRequestsTest, ACancellationsTokenKeepsTheKey) {
  v1::ListCancellationsRequest request;
  TicketData last;
  last.order.order_id = kId;
  last.modified = absl::FromUnixMicros(1'700'000'000'123'456);

  request.set_page_token(TokenAfter(Checked(request).value(), last));

  const CancellationsPage page = Checked(request).value();
  ASSERT_TRUE(page.before.has_value());
  EXPECT_EQ(page.before->cancelled, last.modified);
  EXPECT_EQ(page.before->order_id, kId);
}

TEST(ListRequestsTest, AStockTokenKeepsTheItem) {
  v1::ListStockRequest request;
  request.set_restaurant_id(1);

  request.set_page_token(
      TokenAfter(Checked(request).value(), Stock(Item{1, 42})));

  EXPECT_EQ(Checked(request).value().after, 42);
}

}  // namespace
}  // namespace cook
