// What today's publishers say holds all that the golden events hold: readers
// rely on it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"

#include "cook/adapters/cook_events.h"
#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "delivery/adapters/delivery_events.h"
#include "delivery/domain/delivery.h"
#include "order/adapters/order_events.h"
#include "order/domain/order.h"
#include "platform/events/outbox.h"
#include "platform/grpc/time.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/contract/golden.h"

namespace contract {
namespace {

namespace pb = ::google::protobuf;
using platform::events::OutboxEvent;
using platform::rpc::FromProto;

constexpr char kTrace[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

template <typename EventT>
EventT As(const Golden& golden) {
  EventT event;
  EXPECT_TRUE(event.ParseFromString(golden.wire.payload));
  return event;
}

// The step that the golden event tells of, taken by an order that was in
// `before` until then.
template <typename EventT>
OutboxEvent OrderTakes(
    const Golden& golden, order::OrderStatus before,
    const std::function<absl::Status(order::Order&, const EventT&,
                                     absl::Time now)>& step) {
  const auto event = As<EventT>(golden);
  const auto& then = event.order();
  order::Order order =
      order::Order::Restore({.id = then.order_id(),
                             .customer_id = then.customer_id(),
                             .restaurant_id = then.restaurant_id(),
                             .restaurant_menu_id = then.restaurant_menu_id(),
                             .qty = then.qty(),
                             .status = before,
                             .version = then.version() - 1,
                             .created = FromProto(then.create_date()),
                             .modified = FromProto(then.create_date()),
                             .reason = "",
                             .cancel_reason = "",
                             .cancel_by = ""});
  EXPECT_TRUE(step(order, event, FromProto(then.modified_date())).ok());
  EXPECT_EQ(order.facts().size(), 1U);
  return order::ToEvent(order.facts().front(), kTrace);
}

OutboxEvent PlaceOrder(const Golden& golden) {
  const auto then = As<restaurant::order::v1::Ordered>(golden).order();
  const order::Order order =
      order::Order::Place(then.order_id(),
                          {.customer_id = then.customer_id(),
                           .restaurant_id = then.restaurant_id(),
                           .restaurant_menu_id = then.restaurant_menu_id(),
                           .qty = then.qty()},
                          FromProto(then.create_date()));
  return order::ToEvent(order.facts().front(), kTrace);
}

cook::OrderDetails DetailsOf(const restaurant::cook::v1::Ticket& ticket) {
  return {.order_id = ticket.order_id(),
          .restaurant_id = ticket.restaurant_id(),
          .restaurant_menu_id = ticket.restaurant_menu_id(),
          .customer_id = ticket.customer_id(),
          .qty = ticket.qty()};
}

// A ticket that is begun with so much on hand.
OutboxEvent TicketBegins(const restaurant::cook::v1::Ticket& then,
                         int on_hand) {
  cook::Stock stock =
      cook::Stock::Restore({then.restaurant_id(), then.restaurant_menu_id()},
                           on_hand, absl::UnixEpoch());
  return cook::ToOutbox(cook::Ticket::Begin(DetailsOf(then), stock,
                                            FromProto(then.create_date())),
                        kTrace);
}

cook::Ticket CookingBefore(const restaurant::cook::v1::Ticket& then) {
  return cook::Ticket::Restore({.order = DetailsOf(then),
                                .status = cook::TicketStatus::kCooking,
                                .version = then.version() - 1,
                                .created = FromProto(then.create_date()),
                                .modified = FromProto(then.create_date())});
}

OutboxEvent FinishTicket(const Golden& golden) {
  const auto then = As<restaurant::cook::v1::Cooked>(golden).ticket();
  cook::Ticket ticket = CookingBefore(then);
  EXPECT_TRUE(ticket.Finish(FromProto(then.modified_date())).ok());
  return cook::ToOutbox(ticket, kTrace);
}

OutboxEvent CancelTicket(const Golden& golden) {
  const auto event = As<restaurant::cook::v1::CookCancelled>(golden);
  const auto& then = event.ticket();
  const absl::Time now = FromProto(then.modified_date());
  if (then.version() == 1) {
    return cook::ToOutbox(cook::Ticket::Tombstone(
                              DetailsOf(then), event.reason(), event.by(), now),
                          kTrace);
  }
  cook::Ticket ticket = CookingBefore(then);
  EXPECT_TRUE(ticket.Cancel(event.reason(), event.by(), now).ok());
  return cook::ToOutbox(ticket, kTrace);
}

delivery::Delivery DeliveryOf(const restaurant::delivery::v1::Delivery& then) {
  return delivery::Delivery::Start(
      {.order_id = then.order_id(),
       .restaurant_id = then.restaurant_id(),
       .restaurant_menu_id = then.restaurant_menu_id(),
       .customer_id = then.customer_id(),
       .qty = then.qty()},
      FromProto(then.create_date()));
}

OutboxEvent CompleteDelivery(const Golden& golden) {
  const auto then = As<restaurant::delivery::v1::Delivered>(golden).delivery();
  delivery::Delivery delivery =
      delivery::Delivery::Restore(DeliveryOf(then).data());
  delivery.Complete(FromProto(then.modified_date()));
  return delivery::ToOutbox(delivery, kTrace);
}

// How today's code comes to say what each golden event says.
std::optional<OutboxEvent> SayAgain(const Golden& golden) {
  using order::Order;
  using order::OrderStatus;
  namespace order_v1 = restaurant::order::v1;
  namespace cook_v1 = restaurant::cook::v1;
  namespace delivery_v1 = restaurant::delivery::v1;
  static const auto* const say =
      new std::map<std::string, std::function<OutboxEvent(const Golden&)>>{
          {"restaurant.order.v1.Ordered", PlaceOrder},
          {"restaurant.order.v1.OrderCancelPending",
           [](const Golden& g) {
             return OrderTakes<order_v1::OrderCancelPending>(
                 g, OrderStatus::kOrdered,
                 [](Order& order, const auto& event, absl::Time now) {
                   return order.AwaitCancel(event.reason(), event.by(), now);
                 });
           }},
          {"restaurant.order.v1.OrderCancelRefused",
           [](const Golden& g) {
             return OrderTakes<order_v1::OrderCancelRefused>(
                 g, OrderStatus::kCancelPending,
                 [](Order& order, const auto& event, absl::Time now) {
                   return order.RefuseCancel(event.reason(), event.by(), now);
                 });
           }},
          {"restaurant.order.v1.OrderCancelled",
           [](const Golden& g) {
             return OrderTakes<order_v1::OrderCancelled>(
                 g, OrderStatus::kOrdered,
                 [](Order& order, const auto& event, absl::Time now) {
                   return order.Cancel(event.reason(), event.by(), now);
                 });
           }},
          {"restaurant.order.v1.OrderRejected",
           [](const Golden& g) {
             return OrderTakes<order_v1::OrderRejected>(
                 g, OrderStatus::kOrdered,
                 [](Order& order, const auto& event, absl::Time now) {
                   return order.Reject(event.reason(), event.by(), now);
                 });
           }},
          {"restaurant.order.v1.OrderCompleted",
           [](const Golden& g) {
             return OrderTakes<order_v1::OrderCompleted>(
                 g, OrderStatus::kOrdered,
                 [](Order& order, const auto& event, absl::Time now) {
                   return order.Complete(event.by(), now);
                 });
           }},
          {"restaurant.cook.v1.CookStarted",
           [](const Golden& g) {
             return TicketBegins(As<cook_v1::CookStarted>(g).ticket(), 100);
           }},
          {"restaurant.cook.v1.CookQtyChecked",
           [](const Golden& g) {
             const auto event = As<cook_v1::CookQtyChecked>(g);
             return TicketBegins(event.ticket(), event.on_hand());
           }},
          {"restaurant.cook.v1.Cooked", FinishTicket},
          {"restaurant.cook.v1.CookCancelled", CancelTicket},
          {"restaurant.delivery.v1.DeliveryStarted",
           [](const Golden& g) {
             return delivery::ToOutbox(
                 DeliveryOf(As<delivery_v1::DeliveryStarted>(g).delivery()),
                 kTrace);
           }},
          {"restaurant.delivery.v1.Delivered", CompleteDelivery},
      };
  const auto found = say->find(golden.type);
  if (found == say->end()) return std::nullopt;
  return found->second(golden);
}

class PublishersTest : public ::testing::TestWithParam<Golden> {};

TEST_P(PublishersTest, StillSayIt) {
  const Golden& golden = GetParam();

  const std::optional<OutboxEvent> said = SayAgain(golden);

  ASSERT_TRUE(said.has_value()) << "say here how " << golden.type << " is said";
  EXPECT_EQ(said->subject, golden.wire.subject);
  EXPECT_EQ(said->type, golden.type);
  EXPECT_EQ(said->aggregate_id, HeaderOf(golden, "ce-subject"));
  EXPECT_EQ(absl::StrCat(said->version),
            HeaderOf(golden, "ce-aggregateversion"));
  EXPECT_EQ(absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", said->time,
                             absl::UTCTimeZone()),
            HeaderOf(golden, "ce-time"));
  const auto now = NewMessage(golden.type);
  ASSERT_TRUE(now->ParseFromString(said->payload));
  // Everything that the golden one has; what was added since may be there too.
  pb::util::MessageDifferencer differencer;
  differencer.set_scope(pb::util::MessageDifferencer::PARTIAL);
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(*Parse(golden), *now)) << difference;
}

INSTANTIATE_TEST_SUITE_P(All, PublishersTest, ::testing::ValuesIn(AllGoldens()),
                         [](const auto& p) { return TestName(p.param.name); });

}  // namespace
}  // namespace contract
