#include "cook/adapters/pg_ticket_queries.h"

#include "cook/adapters/pg_ticket_rows.h"
#include "platform/pg/array.h"
#include "platform/pg/time.h"

namespace cook {
namespace {

using platform::pg::ToSql;

constexpr char kFindTicket[] = R"sql(
    SELECT <ticket> FROM tickets WHERE order_id = $1)sql";

// The newest of each status, and of these the newest: however many there are of
// the others, each is read by its own index entries.
constexpr char kListTickets[] = R"sql(
    SELECT <ticket>
    FROM unnest($4::text[]) AS wanted(name)
    CROSS JOIN LATERAL (
        SELECT *
        FROM tickets
        WHERE restaurant_id = $1 AND status = wanted.name AND order_id < $2
        ORDER BY order_id DESC
        LIMIT $3) AS newest
    ORDER BY order_id DESC
    LIMIT $3)sql";

constexpr char kListCancelled[] = R"sql(
    SELECT <ticket>
    FROM tickets
    WHERE status = 'CANCELLED' AND (modified_at, order_id) < ($1, $2)
    ORDER BY modified_at DESC, order_id DESC
    LIMIT $3)sql";

constexpr char kListCancelledOfRestaurant[] = R"sql(
    SELECT <ticket>
    FROM tickets
    WHERE status = 'CANCELLED' AND restaurant_id = $4
      AND (modified_at, order_id) < ($1, $2)
    ORDER BY modified_at DESC, order_id DESC
    LIMIT $3)sql";

constexpr char kOldestCooking[] = R"sql(
    SELECT (extract(epoch FROM created_at) * 1000000)::bigint
    FROM tickets
    WHERE status = 'COOKING'
    ORDER BY created_at
    LIMIT 1)sql";

constexpr char kFindStock[] = R"sql(
    SELECT <stock>
    FROM stocks
    WHERE restaurant_id = $1 AND restaurant_menu_id = $2)sql";

constexpr char kListStock[] = R"sql(
    SELECT <stock>
    FROM stocks
    WHERE restaurant_id = $1 AND restaurant_menu_id > $2
    ORDER BY restaurant_menu_id
    LIMIT $3)sql";

// Before this id, and before this time, comes everything.
constexpr char kLastId[] = "ffffffff-ffff-ffff-ffff-ffffffffffff";
constexpr char kLastTime[] = "infinity";

std::vector<TicketData> TicketsOf(const pqxx::result& rows) {
  std::vector<TicketData> tickets;
  tickets.reserve(rows.size());
  for (const auto& row : rows) tickets.push_back(TicketOf(row));
  return tickets;
}

}  // namespace

void PrepareTicketQueries(pqxx::connection& connection) {
  connection.prepare("cook_find_ticket", WithColumns(kFindTicket));
  connection.prepare("cook_list_tickets", WithColumns(kListTickets));
  connection.prepare("cook_list_cancelled", WithColumns(kListCancelled));
  connection.prepare("cook_list_cancelled_of_restaurant",
                     WithColumns(kListCancelledOfRestaurant));
  connection.prepare("cook_oldest_cooking", kOldestCooking);
  connection.prepare("cook_find_stock", WithColumns(kFindStock));
  connection.prepare("cook_list_stock", WithColumns(kListStock));
}

std::optional<TicketData> FindTicket(pqxx::transaction_base& tx,
                                     absl::string_view order_id) {
  const pqxx::result rows =
      tx.exec_prepared("cook_find_ticket", std::string(order_id));
  if (rows.empty()) return std::nullopt;
  return TicketOf(rows[0]);
}

std::vector<TicketData> ListTickets(pqxx::transaction_base& tx,
                                    int32_t restaurant_id,
                                    std::optional<TicketStatus> status,
                                    absl::string_view before, int limit) {
  platform::pg::Array statuses;
  for (const TicketStatus any :
       {TicketStatus::kCooking, TicketStatus::kCooked, TicketStatus::kCancelled,
        TicketStatus::kRejected}) {
    if (any == status.value_or(any)) statuses.Add(Name(any));
  }
  return TicketsOf(tx.exec_prepared(
      "cook_list_tickets", restaurant_id,
      before.empty() ? kLastId : std::string(before), limit, statuses.text()));
}

std::vector<TicketData> ListCancelled(
    pqxx::transaction_base& tx, int32_t restaurant_id,
    const std::optional<CancellationKey>& before, int limit) {
  const std::string time = before ? ToSql(before->cancelled) : kLastTime;
  const std::string id = before ? before->order_id : kLastId;
  return TicketsOf(
      restaurant_id != 0
          ? tx.exec_prepared("cook_list_cancelled_of_restaurant", time, id,
                             limit, restaurant_id)
          : tx.exec_prepared("cook_list_cancelled", time, id, limit));
}

std::optional<absl::Time> OldestCooking(pqxx::transaction_base& tx) {
  const pqxx::result rows = tx.exec_prepared("cook_oldest_cooking");
  if (rows.empty()) return std::nullopt;
  return platform::pg::FromMicros(rows[0][0].as<int64_t>());
}

std::optional<Stock> FindStock(pqxx::transaction_base& tx, const Item& item) {
  const pqxx::result rows = tx.exec_prepared(
      "cook_find_stock", item.restaurant_id, item.restaurant_menu_id);
  if (rows.empty()) return std::nullopt;
  return StockOf(rows[0]);
}

std::vector<Stock> ListStock(pqxx::transaction_base& tx, int32_t restaurant_id,
                             int32_t after, int limit) {
  std::vector<Stock> stocks;
  for (const auto& row :
       tx.exec_prepared("cook_list_stock", restaurant_id, after, limit)) {
    stocks.push_back(StockOf(row));
  }
  return stocks;
}

}  // namespace cook
