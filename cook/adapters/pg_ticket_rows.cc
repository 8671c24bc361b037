#include "cook/adapters/pg_ticket_rows.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_replace.h"

#include "platform/pg/time.h"

namespace cook {

namespace {

using platform::pg::FromMicros;

constexpr char kTicketColumns[] = R"sql(
    order_id, restaurant_id, restaurant_menu_id, customer_id, qty, status,
    version, (extract(epoch FROM created_at) * 1000000)::bigint AS created,
    (extract(epoch FROM modified_at) * 1000000)::bigint AS modified,
    reason, cancelled_by)sql";

constexpr char kStockColumns[] = R"sql(
    restaurant_id, restaurant_menu_id, on_hand,
    (extract(epoch FROM modified_at) * 1000000)::bigint AS modified)sql";

}  // namespace

std::string WithColumns(absl::string_view sql) {
  return absl::StrReplaceAll(
      sql, {{"<ticket>", kTicketColumns}, {"<stock>", kStockColumns}});
}

TicketData TicketOf(const pqxx::row& row) {
  return {
      .order = {.order_id = row["order_id"].as<std::string>(),
                .restaurant_id = row["restaurant_id"].as<int32_t>(),
                .restaurant_menu_id = row["restaurant_menu_id"].as<int32_t>(),
                .customer_id = row["customer_id"].as<int32_t>(),
                .qty = row["qty"].as<int32_t>()},
      // The table's CHECK admits no other name.
      .status = ParseTicketStatus(row["status"].c_str()).value(),
      .version = row["version"].as<int32_t>(),
      .created = FromMicros(row["created"].as<int64_t>()),
      .modified = FromMicros(row["modified"].as<int64_t>()),
      .reason = row["reason"].as<std::string>(),
      .cancelled_by = row["cancelled_by"].as<std::string>(),
  };
}

Stock StockOf(const pqxx::row& row) {
  return Stock::Restore(
      {.restaurant_id = row["restaurant_id"].as<int32_t>(),
       .restaurant_menu_id = row["restaurant_menu_id"].as<int32_t>()},
      row["on_hand"].as<int32_t>(), FromMicros(row["modified"].as<int64_t>()));
}

}  // namespace cook
