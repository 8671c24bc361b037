// How tickets and stocks look as rows; shared by what writes and what reads.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "platform/pg/pool.h"

namespace cook {

// Returns `sql` with `<ticket>` replaced by the columns that TicketOf() needs
// of `tickets`, and `<stock>` by those that StockOf() needs of `stocks`.
std::string WithColumns(absl::string_view sql);

TicketData TicketOf(const pqxx::row& row);
Stock StockOf(const pqxx::row& row);

}  // namespace cook
