#include "delivery/adapters/auto_deliver.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/time/clock.h"
#include "tests/integration/delivery/courier.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace delivery {
namespace {

using test_support::Eventually;
using test_support::IsOk;

TEST(AutoDeliverTest, CompletesManyMoreThanABatch) {
  Courier courier;
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(1200))), IsOk());

  AutoDeliver auto_deliver(courier.pool(), platform::Now, absl::ZeroDuration());

  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return courier.Count("DELIVERED") == 1200; }));
  courier.ExpectEveryChangeWasToldOnce();
}

TEST(AutoDeliverTest, FindsWhatIsStartedLater) {
  Courier courier;
  AutoDeliver auto_deliver(courier.pool(), platform::Now,
                           absl::Milliseconds(1));

  ASSERT_THAT(courier.Hear(Cooked(NewParcels(3))), IsOk());

  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return courier.Count("DELIVERED") == 3; }));
}

TEST(AutoDeliverTest, WaitsUntilADeliveryIsDue) {
  Courier courier;
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(1))), IsOk());
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(1))), IsOk());
  courier.db().Exec(
      "UPDATE deliveries SET created_at = created_at - interval '1 hour' "
      "WHERE order_id = (SELECT order_id FROM deliveries LIMIT 1)");

  AutoDeliver auto_deliver(courier.pool(), platform::Now, absl::Minutes(30));

  EXPECT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return courier.Count("DELIVERED") == 1; }));
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(courier.Count("STARTED"), 1);
}

TEST(AutoDeliverTest, SeveralPlayersShareTheWork) {
  Courier courier;
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(2000))), IsOk());
  {
    AutoDeliver one(courier.pool(), platform::Now, absl::ZeroDuration());
    AutoDeliver two(courier.pool(), platform::Now, absl::ZeroDuration());
    AutoDeliver three(courier.pool(), platform::Now, absl::ZeroDuration());
    EXPECT_TRUE(Eventually(absl::Seconds(10),
                           [&] { return courier.Count("DELIVERED") == 2000; }));
  }

  EXPECT_EQ(courier.Told("Delivered"), 2000);
  courier.ExpectEveryChangeWasToldOnce();
}

// What somebody else is completing is neither waited for nor done twice.
TEST(AutoDeliverTest, PassesOverWhatIsLocked) {
  Courier courier;
  const Parcel locked = NewParcel();
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(3))), IsOk());
  ASSERT_THAT(courier.Hear({Cooked(locked)}), IsOk());

  EXPECT_THAT(courier.pool().InTransaction([&](pqxx::work& tx) {
    tx.exec_params("SELECT FROM deliveries WHERE order_id = $1 FOR UPDATE",
                   locked.order_id);
    AutoDeliver auto_deliver(courier.pool(), platform::Now,
                             absl::ZeroDuration());
    EXPECT_TRUE(Eventually(absl::Seconds(5),
                           [&] { return courier.Count("DELIVERED") == 3; }));
    EXPECT_EQ(courier.StatusOf(locked), "STARTED");
    return absl::OkStatus();
  }),
              IsOk());
}

TEST(AutoDeliverTest, ContinuesTheTrace) {
  Courier courier;
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(1))), IsOk());

  AutoDeliver auto_deliver(courier.pool(), platform::Now, absl::ZeroDuration());

  ASSERT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return courier.Told("Delivered") == 1; }));
  EXPECT_THAT(
      courier.db().Value("SELECT traceparent FROM outbox WHERE version = 2"),
      ::testing::HasSubstr(kTraceId));
}

TEST(AutoDeliverTest, GoesOnAfterItsConnectionsWereCut) {
  Courier courier;
  AutoDeliver auto_deliver(courier.pool(), platform::Now, absl::ZeroDuration());
  ASSERT_THAT(courier.Hear(Cooked(NewParcels(1))), IsOk());
  ASSERT_TRUE(Eventually(absl::Seconds(5),
                         [&] { return courier.Count("DELIVERED") == 1; }));

  courier.db().KillBackends();

  const auto parcels = NewParcels(1);
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return courier.Hear(Cooked(parcels)).ok(); }));
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return courier.Count("DELIVERED") == 2; }));
}

}  // namespace
}  // namespace delivery
