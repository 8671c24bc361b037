#include "order/domain/order.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/status/error.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/order/examples.h"

namespace order {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kLater = kNow + absl::Seconds(7);

using Step = absl::Status (*)(Order&);

absl::Status Complete(Order& order) {
  return order.Complete(kByCourier, kLater);
}
absl::Status Reject(Order& order) {
  return order.Reject(kQuantityOver, kByKitchen, kLater);
}
absl::Status Cancel(Order& order) {
  return order.Cancel("too slow", kByCustomer, kLater);
}
absl::Status AwaitCancel(Order& order) {
  return order.AwaitCancel("too slow", kByCustomer, kLater);
}
absl::Status RefuseCancel(Order& order) {
  return order.RefuseCancel(kAlreadyCooked, kByKitchen, kLater);
}

Order In(OrderStatus status) {
  OrderState state;
  state.id = "0190163d-8694-739b-aea5-966c26f8ad91";
  state.customer_id = 1;
  state.restaurant_id = 2;
  state.restaurant_menu_id = 3;
  state.qty = 4;
  state.status = status;
  state.version = 5;
  state.created = kNow;
  state.modified = kNow;
  return Order::Restore(state);
}

constexpr OrderStatus kOrdered = OrderStatus::kOrdered;
constexpr OrderStatus kCompleted = OrderStatus::kCompleted;
constexpr OrderStatus kRejected = OrderStatus::kRejected;
constexpr OrderStatus kCancelled = OrderStatus::kCancelled;
constexpr OrderStatus kCancelPending = OrderStatus::kCancelPending;

struct Cell {
  OrderStatus from;
  const char* name;
  Step step;
  // "" if allowed, else the reason.
  const char* refused;
  OrderStatus to;
};

// Every status, every step.
const Cell kCells[] = {
    {kOrdered, "Complete", Complete, "", kCompleted},
    {kOrdered, "Reject", Reject, "", kRejected},
    {kOrdered, "Cancel", Cancel, "", kCancelled},
    {kOrdered, "AwaitCancel", AwaitCancel, "", kCancelPending},
    {kOrdered, "RefuseCancel", RefuseCancel, "", kOrdered},

    {kCancelPending, "Complete", Complete, "", kCompleted},
    {kCancelPending, "Reject", Reject, "", kRejected},
    {kCancelPending, "Cancel", Cancel, "", kCancelled},
    {kCancelPending, "AwaitCancel", AwaitCancel, "", kCancelPending},
    {kCancelPending, "RefuseCancel", RefuseCancel, "", kOrdered},

    {kCompleted, "Complete", Complete, "", kCompleted},
    {kCompleted, "Reject", Reject, "ORDER_COMPLETED", kCompleted},
    {kCompleted, "Cancel", Cancel, "ORDER_COMPLETED", kCompleted},
    {kCompleted, "AwaitCancel", AwaitCancel, "ORDER_COMPLETED", kCompleted},
    {kCompleted, "RefuseCancel", RefuseCancel, "ORDER_COMPLETED", kCompleted},

    {kRejected, "Complete", Complete, "ORDER_REJECTED", kRejected},
    {kRejected, "Reject", Reject, "", kRejected},
    {kRejected, "Cancel", Cancel, "ORDER_REJECTED", kRejected},
    {kRejected, "AwaitCancel", AwaitCancel, "ORDER_REJECTED", kRejected},
    {kRejected, "RefuseCancel", RefuseCancel, "ORDER_REJECTED", kRejected},

    {kCancelled, "Complete", Complete, "ORDER_CANCELLED", kCancelled},
    {kCancelled, "Reject", Reject, "ORDER_CANCELLED", kCancelled},
    {kCancelled, "Cancel", Cancel, "", kCancelled},
    {kCancelled, "AwaitCancel", AwaitCancel, "ORDER_CANCELLED", kCancelled},
    {kCancelled, "RefuseCancel", RefuseCancel, "ORDER_CANCELLED", kCancelled},
};

class EveryCell : public ::testing::TestWithParam<Cell> {};

TEST_P(EveryCell, GoesWhereTheDiagramSays) {
  const Cell& cell = GetParam();
  Order order = In(cell.from);
  const OrderState before = order.state();

  const absl::Status status = cell.step(order);

  EXPECT_EQ(order.state().status, cell.to);
  if (*cell.refused != '\0') {
    EXPECT_THAT(status, Fails(absl::StatusCode::kFailedPrecondition,
                              std::string(cell.refused)));
    EXPECT_EQ(platform::DetailOf(status, "status"),
              std::string(Name(cell.from)));
    EXPECT_EQ(order.state(), before);
    EXPECT_THAT(order.facts(), IsEmpty());
  } else if (cell.from == cell.to) {
    EXPECT_THAT(status, IsOk());
    EXPECT_EQ(order.state(), before) << "a step already taken changes nothing";
    EXPECT_THAT(order.facts(), IsEmpty());
  } else {
    EXPECT_THAT(status, IsOk());
    EXPECT_EQ(order.state().version, before.version + 1);
    EXPECT_EQ(order.state().modified, kLater);
    EXPECT_EQ(order.state().created, kNow);
    ASSERT_THAT(order.facts(), SizeIs(1));
    EXPECT_EQ(order.facts()[0].after, order.state());
    EXPECT_EQ(order.loaded_version(), before.version);
  }
}

INSTANTIATE_TEST_SUITE_P(Order, EveryCell, ::testing::ValuesIn(kCells),
                         [](const auto& param_info) {
                           const Cell& cell = param_info.param;
                           return std::string(Name(cell.from)) + "_" +
                                  cell.name;
                         });

TEST(OrderTest, PlacedIsOrderedAtVersionOne) {
  const Order order = Order::Place("id", {1, 2, 3, 4}, kNow);
  EXPECT_EQ(order.state().status, kOrdered);
  EXPECT_EQ(order.state().version, 1);
  EXPECT_EQ(order.loaded_version(), 0);
  EXPECT_EQ(order.state().qty, 4);
  EXPECT_EQ(order.state().created, order.state().modified);
  ASSERT_THAT(order.facts(), SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<Ordered>(order.facts()[0].what));
}

TEST(OrderTest, FactsTellWhyAndWho) {
  Order order = In(kOrdered);
  ASSERT_THAT(AwaitCancel(order), IsOk());
  ASSERT_THAT(RefuseCancel(order), IsOk());
  ASSERT_THAT(Reject(order), IsOk());
  ASSERT_THAT(order.facts(), SizeIs(3));
  EXPECT_EQ(std::get<CancelPending>(order.facts()[0].what),
            (CancelPending{"too slow", "customer"}));
  EXPECT_EQ(std::get<CancelRefused>(order.facts()[1].what),
            (CancelRefused{"ALREADY_COOKED", "kitchen"}));
  EXPECT_EQ(std::get<Rejected>(order.facts()[2].what),
            (Rejected{"QUANTITY_OVER", "kitchen"}));
  // Each carries the order as it was then.
  EXPECT_EQ(order.facts()[0].after.status, kCancelPending);
  EXPECT_EQ(order.facts()[0].after.version, 6);
  EXPECT_EQ(order.facts()[1].after.status, kOrdered);
  EXPECT_EQ(order.facts()[1].after.reason, "ALREADY_COOKED");
  EXPECT_EQ(order.facts()[2].after.version, 8);
}

TEST(OrderTest, OnlyAPendingCancelKeepsItsReason) {
  Order order = In(kOrdered);
  ASSERT_THAT(AwaitCancel(order), IsOk());
  EXPECT_EQ(order.state().cancel_reason, "too slow");
  EXPECT_EQ(order.state().cancel_by, "customer");
  EXPECT_EQ(order.state().reason, "");
  ASSERT_THAT(Complete(order), IsOk());
  EXPECT_EQ(order.state().cancel_reason, "");
  EXPECT_EQ(order.state().cancel_by, "");
}

TEST(OrderTest, NamesAreReadBack) {
  for (OrderStatus status :
       {kOrdered, kCompleted, kRejected, kCancelled, kCancelPending}) {
    EXPECT_EQ(ParseOrderStatus(Name(status)), status);
  }
  EXPECT_EQ(ParseOrderStatus("LOST"), std::nullopt);
}

}  // namespace
}  // namespace order
