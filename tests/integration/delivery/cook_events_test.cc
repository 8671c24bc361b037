// What the kitchen says, in Postgres.

#include "delivery/adapters/cook_events.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "delivery/adapters/pg_delivery_store.h"
#include "platform/events/inbox.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "tests/integration/delivery/courier.h"
#include "tests/support/status_matchers.h"

namespace delivery {
namespace {

using platform::events::Message;
using test_support::Fails;
using test_support::IsOk;

TEST(CookEventsTest, WhatIsCookedIsDelivered) {
  Courier courier;
  const Parcel parcel = NewParcel();

  ASSERT_THAT(courier.Hear({Cooked(parcel)}), IsOk());

  EXPECT_EQ(courier.StatusOf(parcel), "STARTED");
  EXPECT_EQ(courier.db().Value(
                "SELECT concat_ws(',', restaurant_id, restaurant_menu_id, "
                "customer_id, qty, version) FROM deliveries"),
            "1,2,3,4,1");
  EXPECT_EQ(courier.db().Value("SELECT subject FROM outbox"),
            "restaurant.delivery.started");
  courier.ExpectEveryChangeWasToldOnce();
}

TEST(CookEventsTest, TheTraceGoesOn) {
  Courier courier;

  ASSERT_THAT(courier.Hear({Cooked(NewParcel())}), IsOk());

  EXPECT_THAT(courier.db().Value("SELECT traceparent FROM outbox"),
              ::testing::HasSubstr(kTraceId));
  EXPECT_THAT(courier.db().Value("SELECT traceparent FROM deliveries"),
              ::testing::HasSubstr(kTraceId));
}

TEST(CookEventsTest, ABatchIsAppliedTogether) {
  Courier courier;
  const std::vector<Parcel> parcels = NewParcels(100);

  ASSERT_THAT(courier.Hear(Cooked(parcels)), IsOk());

  EXPECT_EQ(courier.Count("STARTED"), 100);
  EXPECT_EQ(courier.Told("DeliveryStarted"), 100);
  courier.ExpectEveryChangeWasToldOnce();
}

TEST(CookEventsTest, ARedeliveredEventDoesNothing) {
  Courier courier;
  const Message message = Cooked(NewParcel());

  ASSERT_THAT(courier.Hear({message}), IsOk());
  ASSERT_THAT(courier.Hear({message}), IsOk());

  EXPECT_EQ(courier.Told("DeliveryStarted"), 1);
}

// The same news with another event id passes the inbox; the row stops it.
TEST(CookEventsTest, TheSameNewsAgainDoesNothing) {
  Courier courier;
  const Parcel parcel = NewParcel();
  ASSERT_THAT(courier.Hear({Cooked(parcel)}), IsOk());
  ASSERT_THAT(courier.Complete(parcel.order_id), IsOk());

  ASSERT_THAT(courier.Hear({Cooked(parcel)}), IsOk());

  EXPECT_EQ(courier.StatusOf(parcel), "DELIVERED");
  courier.ExpectEveryChangeWasToldOnce();
}

TEST(CookEventsTest, TheSameNewsTwiceInABatchStartsOnce) {
  Courier courier;
  const Parcel parcel = NewParcel();

  ASSERT_THAT(courier.Hear({Cooked(parcel), Cooked(parcel)}), IsOk());

  EXPECT_EQ(courier.Told("DeliveryStarted"), 1);
  courier.ExpectEveryChangeWasToldOnce();
}

TEST(CookEventsTest, ABadEventSpoilsItsBatchAndNothingStays) {
  Courier courier;
  Message garbage = Cooked(NewParcel());
  garbage.payload = "garbage";
  Message no_id = Cooked(Parcel{});

  EXPECT_THAT(courier.Hear({Cooked(NewParcel()), garbage}),
              Fails(absl::StatusCode::kInvalidArgument, ""));
  EXPECT_THAT(courier.Hear({Cooked(NewParcel()), no_id}),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));

  EXPECT_EQ(courier.Count("STARTED"), 0);
  EXPECT_EQ(courier.db().Value("SELECT count(*) FROM inbox"), "0");
  EXPECT_EQ(courier.db().Value("SELECT count(*) FROM outbox"), "0");
}

TEST(CookEventsTest, OtherEventsAreLeftAlone) {
  Courier courier;
  Message other = Cooked(NewParcel());
  other.type = "restaurant.cook.v1.CookStarted";

  EXPECT_THAT(courier.Hear({other}), IsOk());

  EXPECT_EQ(courier.Count("STARTED"), 0);
}

// Replicas share a durable; after a stall two of them may hold the same news,
// each in its own order. None of them waits in a circle: that would be seen as
// a second try.
TEST(CookEventsTest, ReplicasThatHearTheSameNewsAtOnceStartEachDeliveryOnce) {
  Courier courier;
  std::vector<Parcel> parcels = NewParcels(2000);
  std::atomic<int> tries = 0;
  absl::Barrier all_at_once(4);
  std::vector<std::thread> replicas;
  for (int i = 0; i < 4; ++i) {
    std::rotate(parcels.begin(), parcels.begin() + 777, parcels.end());
    if (i % 2 == 1) std::reverse(parcels.begin(), parcels.end());
    replicas.emplace_back([&, messages = Cooked(parcels)] {
      EXPECT_THAT(platform::events::ApplyOnce(
                      courier.pool(), "delivery", messages,
                      [&](pqxx::work& tx, absl::Span<const Message> fresh) {
                        if (++tries <= 4) all_at_once.Block();
                        return CookEvents(platform::Now)(tx, fresh);
                      }),
                  IsOk());
    });
  }
  for (std::thread& replica : replicas) replica.join();

  EXPECT_EQ(tries, 4);
  EXPECT_EQ(courier.Count("STARTED"), 2000);
  EXPECT_EQ(courier.Told("DeliveryStarted"), 2000);
  courier.ExpectEveryChangeWasToldOnce();
}

// Locks see to it that this does not happen; the version sees to it that it
// does no harm.
TEST(DeliveryStoreTest, AWriteThatLooksBackwardsIsRefused) {
  Courier courier;
  const Parcel parcel = NewParcel();
  ASSERT_THAT(courier.Hear({Cooked(parcel)}), IsOk());
  Delivery stale = Delivery::Restore({.parcel = parcel,
                                      .created = platform::Now(),
                                      .modified = platform::Now()});
  stale.Complete(platform::Now());
  ASSERT_THAT(courier.Complete(parcel.order_id), IsOk());

  EXPECT_THAT(courier.pool().InTransaction([&](pqxx::work& tx) {
    return PgDeliveryStore(tx, "").Save({stale});
  }),
              Fails(absl::StatusCode::kInternal));

  courier.ExpectEveryChangeWasToldOnce();
}

}  // namespace
}  // namespace delivery
