#include "cook/domain/ticket.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/status/error.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/cook/examples.h"

namespace cook {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::IsEmpty;

Ticket In(TicketStatus status) {
  return Ticket::Restore({.order = ThreePortions(),
                          .status = status,
                          .version = 1,
                          .created = kNoon,
                          .modified = kNoon});
}

TEST(TicketTest, BeginsToCookWhenStockSuffices) {
  Stock stock = Stock::Restore({1, 2}, 3, kNoon);

  const Ticket ticket = Ticket::Begin(ThreePortions(), stock, kLater);

  EXPECT_EQ(ticket.data(), (TicketData{.order = ThreePortions(),
                                       .status = TicketStatus::kCooking,
                                       .version = 1,
                                       .created = kLater,
                                       .modified = kLater}));
  EXPECT_TRUE(ticket.is_new());
  EXPECT_EQ(ticket.fact(), Fact(CookStarted{}));
  EXPECT_EQ(stock.on_hand(), 0);
}

TEST(TicketTest, IsRejectedWhenStockIsShort) {
  Stock stock = Stock::Restore({1, 2}, 2, kNoon);

  const Ticket ticket = Ticket::Begin(ThreePortions(), stock, kLater);

  EXPECT_EQ(ticket.status(), TicketStatus::kRejected);
  EXPECT_EQ(ticket.data().reason, "QUANTITY_OVER");
  EXPECT_EQ(ticket.fact(), Fact(CookQtyChecked{.on_hand = 2}));
  EXPECT_EQ(stock.on_hand(), 2);
  EXPECT_THAT(stock.movements(), IsEmpty());
}

TEST(TicketTest, ATombstoneIsCancelledFromTheStart) {
  const Ticket ticket =
      Ticket::Tombstone(ThreePortions(), "too slow", "customer", kLater);

  EXPECT_EQ(ticket.data(), (TicketData{.order = ThreePortions(),
                                       .status = TicketStatus::kCancelled,
                                       .version = 1,
                                       .created = kLater,
                                       .modified = kLater,
                                       .reason = "too slow",
                                       .cancelled_by = "customer"}));
  EXPECT_TRUE(ticket.is_new());
  EXPECT_EQ(ticket.fact(), Fact(CookCancelled{"too slow", "customer"}));
}

TEST(TicketTest, CancellingSaysWhyAndWho) {
  Ticket ticket = In(TicketStatus::kCooking);

  ASSERT_THAT(ticket.Cancel("too slow", "customer", kLater), IsOk());

  EXPECT_EQ(ticket.data(), (TicketData{.order = ThreePortions(),
                                       .status = TicketStatus::kCancelled,
                                       .version = 2,
                                       .created = kNoon,
                                       .modified = kLater,
                                       .reason = "too slow",
                                       .cancelled_by = "customer"}));
  EXPECT_EQ(ticket.fact(), Fact(CookCancelled{"too slow", "customer"}));
}

TEST(TicketTest, CancellingAgainKeepsTheFirstReason) {
  Ticket ticket = Ticket::Restore({.order = ThreePortions(),
                                   .status = TicketStatus::kCancelled,
                                   .version = 2,
                                   .created = kNoon,
                                   .modified = kNoon,
                                   .reason = "first",
                                   .cancelled_by = "customer"});
  const TicketData before = ticket.data();

  ASSERT_THAT(ticket.Cancel("second", "operator", kLater), IsOk());

  EXPECT_EQ(ticket.data(), before);
}

TEST(TicketTest, FinishingSaysSo) {
  Ticket ticket = In(TicketStatus::kCooking);

  ASSERT_THAT(ticket.Finish(kLater), IsOk());

  EXPECT_EQ(ticket.status(), TicketStatus::kCooked);
  EXPECT_EQ(ticket.data().modified, kLater);
  EXPECT_EQ(ticket.data().created, kNoon);
  EXPECT_EQ(ticket.fact(), Fact(Cooked{}));
}

// The life cycle as a table, every cell of it. `moves` and `stays` succeed;
// anything else is the reason of the refusal.
TEST(TicketTest, FollowsTheLifeCycle) {
  struct Cell {
    TicketStatus from = TicketStatus::kCooking;
    std::string cancel;
    std::string finish;
  };
  const std::vector<Cell> life_cycle = {
      {TicketStatus::kCooking, "moves", "moves"},
      {TicketStatus::kCooked, "ALREADY_COOKED", "stays"},
      {TicketStatus::kCancelled, "stays", "TICKET_CANCELLED"},
      {TicketStatus::kRejected, "QUANTITY_OVER", "QUANTITY_OVER"},
  };
  const auto expect = [](TicketStatus from, const std::string& outcome,
                         TicketStatus to,
                         const std::function<absl::Status(Ticket&)>& step) {
    SCOPED_TRACE(absl::StrCat(Name(from), " to ", Name(to)));
    Ticket ticket = In(from);

    const absl::Status status = step(ticket);

    if (outcome == "moves" || outcome == "stays") {
      EXPECT_THAT(status, IsOk());
      EXPECT_EQ(ticket.status(), to);
    } else {
      EXPECT_THAT(status,
                  Fails(absl::StatusCode::kFailedPrecondition, outcome));
      EXPECT_EQ(platform::DetailOf(status, "status"), Name(from));
    }
    EXPECT_EQ(ticket.fact().has_value(), outcome == "moves");
    if (outcome != "moves") {
      EXPECT_EQ(ticket.data(), In(from).data());
    }
    EXPECT_EQ(ticket.data().version, outcome == "moves" ? 2 : 1);
    EXPECT_FALSE(ticket.is_new());
  };
  for (const Cell& cell : life_cycle) {
    expect(cell.from, cell.cancel, TicketStatus::kCancelled,
           [](Ticket& t) { return t.Cancel("", "customer", kLater); });
    expect(cell.from, cell.finish, TicketStatus::kCooked,
           [](Ticket& t) { return t.Finish(kLater); });
  }
}

TEST(TicketTest, EveryStatusHasAName) {
  for (const TicketStatus status :
       {TicketStatus::kCooking, TicketStatus::kCooked, TicketStatus::kCancelled,
        TicketStatus::kRejected}) {
    EXPECT_EQ(ParseTicketStatus(Name(status)), status);
  }
  EXPECT_EQ(ParseTicketStatus("cooking"), std::nullopt);
  EXPECT_EQ(ParseTicketStatus(""), std::nullopt);
}

}  // namespace
}  // namespace cook
