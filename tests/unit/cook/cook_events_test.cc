#include "cook/adapters/cook_events.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/grpc/time.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "tests/unit/cook/examples.h"

namespace cook {
namespace {

namespace v1 = ::restaurant::cook::v1;

constexpr char kTrace[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Ticket Cooking() {
  return Ticket::Restore(
      {.order = ThreePortions(), .created = kNoon, .modified = kNoon});
}

template <typename Proto>
Proto Parsed(const platform::events::OutboxEvent& event) {
  Proto proto;
  EXPECT_EQ(event.type, proto.GetTypeName());
  EXPECT_TRUE(proto.ParseFromString(event.payload));
  return proto;
}

void ExpectTicket(const v1::Ticket& ticket, v1::TicketStatus status,
                  int version, absl::Time modified) {
  EXPECT_EQ(ticket.order_id(), ThreePortions().order_id);
  EXPECT_EQ(ticket.restaurant_id(), 1);
  EXPECT_EQ(ticket.restaurant_menu_id(), 2);
  EXPECT_EQ(ticket.customer_id(), 3);
  EXPECT_EQ(ticket.qty(), 3);
  EXPECT_EQ(ticket.status(), status);
  EXPECT_EQ(ticket.version(), version);
  EXPECT_EQ(platform::rpc::FromProto(ticket.modified_date()), modified);
}

TEST(CookEventsTest, CookStarted) {
  Stock stock = Stock::Restore({1, 2}, 3, kNoon);

  const auto event =
      ToOutbox(Ticket::Begin(ThreePortions(), stock, kNoon), kTrace);

  EXPECT_EQ(event.subject, "restaurant.cook.started");
  EXPECT_EQ(event.aggregate_id, ThreePortions().order_id);
  EXPECT_EQ(event.version, 1);
  EXPECT_EQ(event.time, kNoon);
  EXPECT_EQ(event.traceparent, kTrace);
  EXPECT_EQ(event.event_id.size(), 36);
  const auto proto = Parsed<v1::CookStarted>(event);
  ExpectTicket(proto.ticket(), v1::TICKET_STATUS_COOKING, 1, kNoon);
  EXPECT_EQ(proto.by(), "kitchen");
}

TEST(CookEventsTest, CookQtyChecked) {
  Stock stock = Stock::Restore({1, 2}, 2, kNoon);

  const auto event =
      ToOutbox(Ticket::Begin(ThreePortions(), stock, kNoon), kTrace);

  EXPECT_EQ(event.subject, "restaurant.cook.qty_checked");
  const auto proto = Parsed<v1::CookQtyChecked>(event);
  ExpectTicket(proto.ticket(), v1::TICKET_STATUS_REJECTED, 1, kNoon);
  EXPECT_EQ(proto.ticket().reason(), "QUANTITY_OVER");
  EXPECT_EQ(proto.reason(), "QUANTITY_OVER");
  EXPECT_EQ(proto.on_hand(), 2);
  EXPECT_EQ(proto.by(), "kitchen");
}

TEST(CookEventsTest, Cooked) {
  Ticket ticket = Cooking();
  ASSERT_TRUE(ticket.Finish(kLater).ok());

  const auto event = ToOutbox(ticket, kTrace);

  EXPECT_EQ(event.subject, "restaurant.cook.cooked");
  EXPECT_EQ(event.version, 2);
  EXPECT_EQ(event.time, kLater);
  const auto proto = Parsed<v1::Cooked>(event);
  ExpectTicket(proto.ticket(), v1::TICKET_STATUS_COOKED, 2, kLater);
  EXPECT_EQ(proto.by(), "kitchen");
}

TEST(CookEventsTest, CookCancelled) {
  Ticket ticket = Cooking();
  ASSERT_TRUE(ticket.Cancel("too slow", "customer", kLater).ok());

  const auto event = ToOutbox(ticket, kTrace);

  EXPECT_EQ(event.subject, "restaurant.cook.cancelled");
  EXPECT_EQ(event.version, 2);
  const auto proto = Parsed<v1::CookCancelled>(event);
  ExpectTicket(proto.ticket(), v1::TICKET_STATUS_CANCELLED, 2, kLater);
  EXPECT_EQ(proto.ticket().reason(), "too slow");
  EXPECT_EQ(proto.reason(), "too slow");
  EXPECT_EQ(proto.by(), "customer");
}

}  // namespace
}  // namespace cook
