#include "tests/integration/delivery/courier.h"

#include <atomic>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "delivery/adapters/cook_events.h"
#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/app/use_cases.h"
#include "delivery/migrations/migrations.h"
#include "platform/events/inbox.h"
#include "platform/time/clock.h"
#include "platform/uuid/uuid.h"
#include "restaurant/cook/v1/cook_events.pb.h"

namespace delivery {

using platform::events::Message;

Parcel NewParcel() {
  // A millisecond apart, so that their ids sort as they were made.
  static std::atomic<int64_t> millis = 1700000000000;
  return {.order_id = platform::NewUuid(absl::FromUnixMillis(++millis)),
          .restaurant_id = 1,
          .restaurant_menu_id = 2,
          .customer_id = 3,
          .qty = 4};
}

std::vector<Parcel> NewParcels(int count) {
  std::vector<Parcel> parcels;
  for (int i = 0; i < count; ++i) parcels.push_back(NewParcel());
  return parcels;
}

Message Cooked(const Parcel& parcel) {
  ::restaurant::cook::v1::Cooked event;
  event.mutable_ticket()->set_order_id(parcel.order_id);
  event.mutable_ticket()->set_restaurant_id(parcel.restaurant_id);
  event.mutable_ticket()->set_restaurant_menu_id(parcel.restaurant_menu_id);
  event.mutable_ticket()->set_customer_id(parcel.customer_id);
  event.mutable_ticket()->set_qty(parcel.qty);
  event.mutable_ticket()->set_status(
      ::restaurant::cook::v1::TICKET_STATUS_COOKED);
  event.mutable_ticket()->set_version(2);
  event.set_by("kitchen");
  const absl::Time now = platform::Now();
  return {.event_id = platform::NewUuid(now),
          .type = "restaurant.cook.v1.Cooked",
          .source = "cook",
          .aggregate_id = parcel.order_id,
          .version = 2,
          .time = now,
          .traceparent = absl::StrCat("00-", kTraceId, "-b7ad6b7169203331-01"),
          .payload = event.SerializeAsString(),
          .subject = "restaurant.cook.cooked"};
}

std::vector<Message> Cooked(absl::Span<const Parcel> parcels) {
  std::vector<Message> messages;
  for (const Parcel& parcel : parcels) messages.push_back(Cooked(parcel));
  return messages;
}

platform::pg::PoolOptions CourierPool(const std::string& dsn, int connections) {
  return {.name = "test",
          .dsn = dsn,
          .connections = connections,
          .prepare = PrepareStatements};
}

Courier::Courier()
    : db_(Migrations()), pool_(CourierPool(db_.dsn(), /*connections=*/4)) {}

absl::Status Courier::Hear(absl::Span<const Message> messages) {
  return platform::events::ApplyOnce(pool_, "delivery", messages,
                                     CookEvents(platform::Now));
}

absl::StatusOr<Delivery> Courier::Complete(const std::string& order_id) {
  std::optional<Delivery> completed;
  absl::Status done = pool_.InTransaction([&](pqxx::work& tx) {
    PgDeliveryStore store(tx, "");
    absl::StatusOr<Delivery> delivery =
        CompleteDelivery(store, order_id, platform::Now());
    if (!delivery.ok()) return delivery.status();
    completed = *std::move(delivery);
    return absl::OkStatus();
  });
  if (!done.ok()) return done;
  return *completed;
}

std::string Courier::StatusOf(const Parcel& parcel) {
  return db_.Value(
      absl::StrCat("SELECT status FROM deliveries WHERE order_id = '",
                   parcel.order_id, "'"));
}

int Courier::Count(absl::string_view status) {
  return ToInt(absl::StrCat("SELECT count(*) FROM deliveries WHERE status = '",
                            status, "'"));
}

int Courier::Told(absl::string_view type) {
  return ToInt(absl::StrCat(
      "SELECT count(*) FROM outbox WHERE event_type = 'restaurant.delivery.v1.",
      type, "'"));
}

void Courier::ExpectEveryChangeWasToldOnce() {
  EXPECT_EQ(db_.Value(R"sql(
      SELECT count(*) FROM deliveries d
      WHERE version <> (SELECT count(*) FROM outbox o
                        WHERE o.aggregate_id = d.order_id))sql"),
            "0");
  EXPECT_EQ(db_.Value(R"sql(
      SELECT count(*) FROM outbox o
      WHERE NOT EXISTS (SELECT FROM deliveries d
                        WHERE o.aggregate_id = d.order_id))sql"),
            "0");
}

int Courier::ToInt(const std::string& sql) {
  const std::string text = db_.Value(sql);
  int value = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &value)) << text;
  return value;
}

}  // namespace delivery
