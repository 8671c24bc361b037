#include "tests/integration/cook/kitchen.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "cook/migrations/migrations.h"

namespace cook {
namespace {

int ToInt(const std::string& text) {
  int value = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &value)) << text;
  return value;
}

}  // namespace

Kitchen::Kitchen() : db_(Migrations()), process_(db_.dsn()) {}

std::string Kitchen::StatusOf(const OrderDetails& order) {
  return db_.Value(absl::StrCat(
      "SELECT coalesce((SELECT status FROM tickets WHERE order_id = '",
      order.order_id, "'), '')"));
}

int Kitchen::OnHand(const Item& item) {
  return ToInt(db_.Value(absl::StrCat(
      "SELECT coalesce((SELECT on_hand FROM stocks WHERE restaurant_id = ",
      item.restaurant_id, " AND restaurant_menu_id = ", item.restaurant_menu_id,
      "), 0)")));
}

int Kitchen::Count(absl::string_view status) {
  return ToInt(db_.Value(absl::StrCat(
      "SELECT count(*) FROM tickets WHERE status = '", status, "'")));
}

int Kitchen::LedgerSum(absl::string_view kind) {
  return ToInt(
      db_.Value(absl::StrCat("SELECT coalesce(sum(delta), 0) FROM stock_ledger "
                             "WHERE kind = '",
                             kind, "'")));
}

void Kitchen::ExpectBooksBalance() {
  EXPECT_EQ(db_.Value(R"sql(
      SELECT count(*) FROM stocks s
      WHERE on_hand <> (SELECT coalesce(sum(delta), 0) FROM stock_ledger l
                        WHERE l.restaurant_id = s.restaurant_id
                          AND l.restaurant_menu_id = s.restaurant_menu_id))sql"),
            "0")
      << "the ledger does not add up";
  EXPECT_EQ(db_.Value(R"sql(
      SELECT count(*) FROM tickets t
      WHERE -CASE WHEN status IN ('COOKING', 'COOKED')
                    OR status = 'CANCELLED' AND version = 2
                  THEN qty ELSE 0 END
            <> (SELECT coalesce(sum(delta), 0) FROM stock_ledger l
                WHERE l.order_id = t.order_id AND kind = 'take'))sql"),
            "0")
      << "a ticket took something else than its status says";
  EXPECT_EQ(db_.Value(R"sql(
      SELECT count(*) FROM tickets t
      WHERE CASE WHEN status = 'CANCELLED' AND version = 2
                 THEN qty ELSE 0 END
            <> (SELECT coalesce(sum(delta), 0) FROM stock_ledger l
                WHERE l.order_id = t.order_id AND kind = 'return'))sql"),
            "0")
      << "a ticket returned something else than its status says";
  EXPECT_EQ(db_.Value(R"sql(
      SELECT count(*) FROM tickets t
      WHERE version <> (SELECT count(*) FROM outbox o
                        WHERE o.aggregate_id = t.order_id))sql"),
            "0")
      << "a ticket has more or fewer events than changes";
}

}  // namespace cook
