// What keeps two writers of one order apart.

#include "order/adapters/pg_order_store.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"

#include "tests/integration/order/order_fixture.h"

namespace order {
namespace {

using test_support::IsOk;
using ::testing::SizeIs;

using PgOrderStoreTest = OrderFixture;

TEST_F(PgOrderStoreTest, AStaleOrderIsNotSaved) {
  const std::string id = PlaceOne();
  OrderState old;
  ASSERT_THAT(pool_.Read([&](pqxx::nontransaction& tx) {
    old = *FindOrder(tx, id);
    return absl::OkStatus();
  }),
              IsOk());
  ASSERT_THAT(Cancel(id).status(), IsOk());

  const absl::Status saved = pool_.InTransaction([&](pqxx::work& tx) {
    std::vector<Order> orders = {Order::Restore(old)};
    EXPECT_THAT(orders[0].Complete("courier", platform::Now()), IsOk());
    return PgOrderStore(tx, {}).Save(orders);
  });
  EXPECT_TRUE(absl::IsAborted(saved)) << saved;
  EXPECT_EQ(StatusInTable(id), "CANCELLED");
  EXPECT_EQ(Said(id), "ordered,cancelled");
}

TEST_F(PgOrderStoreTest, WhatIsLoadedIsLocked) {
  const std::string id = PlaceOne();
  ASSERT_THAT(pool_.InTransaction([&](pqxx::work& tx) {
    PgOrderStore store(tx, {});
    const std::vector<std::string> ids = {id, id};
    EXPECT_THAT(*store.Load(ids), SizeIs(1));
    EXPECT_EQ(db_.Value("SELECT count(*) FROM (SELECT FROM orders FOR UPDATE "
                        "SKIP LOCKED) AS free"),
              "0");
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_F(PgOrderStoreTest, TextsComeBackAsTheyWere) {
  const std::string id = PlaceOne();
  const std::string odd = "\"quoted\", {braced} \\slashed\\ 'NULL' 취소\n\t;--";
  cook_.Answer({grpc::StatusCode::UNAVAILABLE, ""});
  ASSERT_THAT(Cancel(id, odd).status(), IsOk());
  ASSERT_THAT(pool_.Read([&](pqxx::nontransaction& tx) {
    EXPECT_EQ(FindOrder(tx, id)->cancel_reason, odd);
    return absl::OkStatus();
  }),
              IsOk());
  cook_.Answer(grpc::Status::OK);
  ASSERT_THAT(Cancel(id).status(), IsOk());
  EXPECT_EQ(Get(id)->reason(), odd);
}

// Plans are made while the table is small, and kept.
TEST_F(PgOrderStoreTest, EveryStatementUsesAnIndex) {
  PlaceOne();
  db_.Exec("ANALYZE orders");
  const auto plan = [](pqxx::nontransaction& tx, const std::string& call) {
    std::string text;
    for (const auto& row : tx.exec("EXPLAIN EXECUTE " + call)) {
      text += row[0].as<std::string>() + "\n";
    }
    EXPECT_THAT(text, ::testing::HasSubstr("Index Scan")) << call;
    EXPECT_THAT(text,
                ::testing::Not(::testing::HasSubstr("Seq Scan on orders")))
        << call << "\n"
        << text;
  };
  ASSERT_THAT(pool_.Read([&](pqxx::nontransaction& tx) {
    for (const char* name : {"order_find", "order_list", "order_load",
                             "order_save", "order_claim_pending"}) {
      tx.conn().prepare_now(name);
    }
    plan(tx, "order_find('0190163d-8694-739b-aea5-966c26f8ad91')");
    plan(tx, "order_list(1, '0190163d-8694-739b-aea5-966c26f8ad91', '', 20)");
    plan(tx, "order_load('{0190163d-8694-739b-aea5-966c26f8ad91}')");
    plan(tx, "order_save('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')");
    plan(tx, "order_claim_pending(now(), 50)");
    return absl::OkStatus();
  }),
              IsOk());
  ASSERT_THAT(place_pool_.Read([&](pqxx::nontransaction& tx) {
    tx.conn().prepare_now("order_find_placed");
    plan(tx, "order_find_placed('{}', '{}', '{}')");
    return absl::OkStatus();
  }),
              IsOk());
}

}  // namespace
}  // namespace order
