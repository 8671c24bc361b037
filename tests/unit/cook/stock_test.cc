#include "cook/domain/stock.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/cook/examples.h"

namespace cook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Stock Portions(int32_t on_hand) {
  return Stock::Restore(kBibimbap, on_hand, kNoon);
}

TEST(StockTest, AnItemThatWasNeverStockedHasNothingOnHand) {
  Stock stock(kBibimbap);

  EXPECT_EQ(stock.on_hand(), 0);
  EXPECT_EQ(stock.modified(), std::nullopt);
  EXPECT_FALSE(stock.Take("a", 1, kLater));
}

TEST(StockTest, TakesTheOrderedQuantity) {
  Stock stock = Portions(20);

  EXPECT_TRUE(stock.Take("a", 3, kLater));

  EXPECT_EQ(stock.on_hand(), 17);
  EXPECT_EQ(stock.modified(), kLater);
  EXPECT_THAT(stock.movements(),
              ElementsAre(Movement{MovementKind::kTake, -3, "a"}));
}

TEST(StockTest, TakesTheLastPortion) {
  Stock stock = Portions(3);

  EXPECT_TRUE(stock.Take("a", 3, kLater));

  EXPECT_EQ(stock.on_hand(), 0);
}

TEST(StockTest, TakesNothingWhenShort) {
  Stock stock = Portions(2);

  EXPECT_FALSE(stock.Take("a", 3, kLater));

  EXPECT_EQ(stock.on_hand(), 2);
  EXPECT_EQ(stock.modified(), kNoon);
  EXPECT_THAT(stock.movements(), IsEmpty());
}

TEST(StockTest, OrdersOfABatchSeeEachOthersTakes) {
  Stock stock = Portions(5);

  EXPECT_TRUE(stock.Take("a", 3, kLater));
  EXPECT_FALSE(stock.Take("b", 3, kLater));
  EXPECT_TRUE(stock.Take("c", 2, kLater));

  EXPECT_EQ(stock.on_hand(), 0);
}

TEST(StockTest, ReturnsWhatWasTaken) {
  Stock stock = Portions(17);

  stock.Return("a", 3, kLater);

  EXPECT_EQ(stock.on_hand(), 20);
  EXPECT_THAT(stock.movements(),
              ElementsAre(Movement{MovementKind::kReturn, 3, "a"}));
}

TEST(StockTest, ReturnNeverExceedsTheLimit) {
  Stock stock = Portions(kMaxOnHand - 1);

  stock.Return("a", 100, kLater);

  EXPECT_EQ(stock.on_hand(), kMaxOnHand);
  EXPECT_THAT(stock.movements(),
              ElementsAre(Movement{MovementKind::kReturn, 1, "a"}));
}

TEST(StockTest, SetRecordsTheDifference) {
  Stock up = Portions(5);
  Stock down = Portions(5);

  up.Set(20, kLater);
  down.Set(0, kLater);

  EXPECT_EQ(up.on_hand(), 20);
  EXPECT_THAT(up.movements(),
              ElementsAre(Movement{MovementKind::kSet, 15, ""}));
  EXPECT_EQ(down.on_hand(), 0);
  EXPECT_THAT(down.movements(),
              ElementsAre(Movement{MovementKind::kSet, -5, ""}));
}

TEST(StockTest, SettingWhatIsThereMovesNothing) {
  Stock stock = Portions(5);

  stock.Set(5, kLater);

  EXPECT_EQ(stock.modified(), kNoon);
  EXPECT_THAT(stock.movements(), IsEmpty());
}

TEST(StockTest, TheLedgerAddsUp) {
  Stock stock(kBibimbap);
  stock.Set(kMaxOnHand, kNoon);
  ASSERT_TRUE(stock.Take("a", 100, kNoon));
  ASSERT_TRUE(stock.Take("b", 7, kNoon));
  stock.Return("a", 100, kNoon);
  stock.Set(kMaxOnHand, kNoon);
  stock.Return("b", 7, kNoon);
  stock.Set(12, kNoon);

  const int64_t sum = std::accumulate(
      stock.movements().begin(), stock.movements().end(), int64_t{0},
      [](int64_t total, const Movement& m) { return total + m.delta; });

  EXPECT_EQ(sum, stock.on_hand());
  EXPECT_EQ(stock.on_hand(), 12);
}

TEST(StockTest, ItemsSortByRestaurantThenMenu) {
  EXPECT_LT((Item{1, 9}), (Item{2, 1}));
  EXPECT_LT((Item{1, 1}), (Item{1, 2}));
}

}  // namespace
}  // namespace cook
