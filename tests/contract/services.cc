#include "tests/contract/services.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "cook/adapters/order_events.h"
#include "cook/adapters/pg_ticket_queries.h"
#include "cook/adapters/pg_ticket_store.h"
#include "cook/migrations/migrations.h"
#include "delivery/adapters/cook_events.h"
#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/migrations/migrations.h"
#include "mypage/adapters/cook_events.h"
#include "mypage/adapters/delivery_events.h"
#include "mypage/adapters/order_events.h"
#include "mypage/adapters/pg_mypage_store.h"
#include "mypage/migrations/migrations.h"
#include "order/adapters/cook_events.h"
#include "order/adapters/delivery_events.h"
#include "order/adapters/pg_order_store.h"
#include "order/migrations/migrations.h"
#include "platform/events/inbox.h"
#include "platform/events/outbox.h"
#include "platform/events/provisioner.h"
#include "platform/events/wire.h"
#include "tests/support/process.h"

namespace contract {
namespace {

namespace events = platform::events;
using test_support::Die;

Reader OrderReader(const std::string& stream, events::Handler handler) {
  return {.service = "order",
          .stream = stream,
          .handler = std::move(handler),
          .migrations = order::Migrations(),
          .prepare = order::PrepareStatements,
          .given =
              "INSERT INTO orders (order_id, customer_id, restaurant_id, "
              "restaurant_menu_id, qty, status, version, created_at, "
              "modified_at) "
              "VALUES ('$ORDER', 7, 3, 12, 2, 'ORDERED', 1, now(), now())",
          .outcome =
              "SELECT concat_ws(' ', status, version, reason) "
              "FROM orders WHERE order_id = '$ORDER'"};
}

Reader CookReader() {
  return {.service = "cook",
          .stream = "ORDER",
          .handler = cook::OrderEvents(platform::Now),
          .migrations = cook::Migrations(),
          .prepare =
              [](pqxx::connection& connection) {
                events::PrepareInbox(connection);
                events::PrepareOutbox(connection);
                cook::PrepareTicketStore(connection);
                cook::PrepareTicketQueries(connection);
              },
          .given = "INSERT INTO stocks VALUES (3, 12, 10, now())",
          .outcome =
              "SELECT concat_ws(' ', restaurant_id, restaurant_menu_id, "
              "customer_id, qty, status, on_hand) "
              "FROM tickets JOIN stocks "
              "USING (restaurant_id, restaurant_menu_id) "
              "WHERE order_id = '$ORDER'"};
}

Reader DeliveryReader() {
  return {.service = "delivery",
          .stream = "COOK",
          .handler = delivery::CookEvents(platform::Now),
          .migrations = delivery::Migrations(),
          .prepare = delivery::PrepareStatements,
          .given = "",
          .outcome =
              "SELECT concat_ws(' ', restaurant_id, restaurant_menu_id, "
              "customer_id, qty, status) "
              "FROM deliveries WHERE order_id = '$ORDER'"};
}

Reader MypageReader(const std::string& stream, events::Handler handler) {
  return {.service = "mypage",
          .stream = stream,
          .handler = std::move(handler),
          .migrations = mypage::Migrations(),
          .prepare =
              [](pqxx::connection& connection) {
                events::PrepareInbox(connection);
                mypage::PrepareMypage(connection, mypage::Tell::kWatchers);
              },
          .given = "",
          .outcome =
              "SELECT concat_ws(' ', restaurant_id, restaurant_menu_id, "
              "customer_id, qty, order_status, cook_status, "
              "delivery_status, 'version', version) "
              "FROM mypage_views WHERE order_id = '$ORDER'"};
}

std::string For(const std::string& order_id, const std::string& sql) {
  return absl::StrReplaceAll(sql, {{"$ORDER", order_id}});
}

}  // namespace

const std::vector<Reader>& AllReaders() {
  static const auto* const readers = new std::vector<Reader>{
      OrderReader("COOK", order::HandleCookEvents),
      OrderReader("DELIVERY", order::HandleDeliveryEvents),
      CookReader(),
      DeliveryReader(),
      MypageReader("ORDER", mypage::HandleOrderEvents),
      MypageReader("COOK", mypage::HandleCookEvents),
      MypageReader("DELIVERY", mypage::HandleDeliveryEvents),
  };
  return *readers;
}

std::vector<std::string> FiltersOf(const Reader& reader) {
  const auto declared = events::ReadDeclarations(
      {absl::StrCat(SOURCE_DIR, "/", reader.service, "/jetstream.json")});
  if (!declared.ok()) Die(declared.status().ToString());
  for (const auto& durable : declared->durables) {
    if (durable.stream == reader.stream && durable.name == reader.service) {
      return durable.filter_subjects;
    }
  }
  return {};
}

bool Hears(const Reader& reader, const std::string& subject) {
  for (const std::string& filter : FiltersOf(reader)) {
    absl::string_view prefix = filter;
    if (absl::ConsumeSuffix(&prefix, ">") ? absl::StartsWith(subject, prefix)
                                          : subject == filter) {
      return true;
    }
  }
  return false;
}

ServiceDatabase::ServiceDatabase(const Reader& reader)
    : reader_(reader),
      db_(reader.migrations),
      pool_({.dsn = db_.dsn(), .connections = 1, .prepare = reader.prepare}) {}

void ServiceDatabase::Reset(const std::string& order_id) {
  // Not TRUNCATE, which makes new files.
  db_.Exec(R"sql(
      DO $$
      DECLARE
          name text;
      BEGIN
          FOR name IN SELECT quote_ident(tablename) FROM pg_tables
                      WHERE schemaname = 'public'
                        AND tablename <> 'schema_migrations'
          LOOP
              EXECUTE 'DELETE FROM ' || name;
          END LOOP;
      END $$)sql");
  if (!reader_.given.empty()) db_.Exec(For(order_id, reader_.given));
}

absl::Status ServiceDatabase::Deliver(const events::InMessage& wire) {
  const auto message = events::ParseMessage(wire);
  if (!message.ok()) return message.status();
  return events::ApplyOnce(pool_, reader_.service, {*message}, reader_.handler);
}

std::string ServiceDatabase::Outcome(const std::string& order_id) const {
  return db_.Value(For(order_id, reader_.outcome));
}

}  // namespace contract
