#include "cook/adapters/cook_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cook/adapters/access.h"
#include "cook/adapters/cook_validation.h"
#include "cook/adapters/pg_ticket_queries.h"
#include "cook/adapters/pg_ticket_store.h"
#include "cook/adapters/ticket_proto.h"
#include "cook/app/use_cases.h"
#include "platform/failpoint/failpoint.h"
#include "platform/grpc/call.h"

namespace cook {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using platform::Priority;
using platform::auth::Caller;
using platform::auth::NotYours;
namespace rpc = platform::rpc;

platform::failpoint::Point after_cancel_commit("cook.after_cancel_commit");
platform::failpoint::Point after_finish_commit("cook.after_finish_commit");
platform::failpoint::Point before_cancel("cook.before_cancel");

// Runs one use case in one transaction, as part of the call's trace.
template <typename T>
absl::StatusOr<T> Change(
    platform::pg::Pool& pool, const rpc::Call& call,
    absl::FunctionRef<absl::StatusOr<T>(TicketStore&)> use_case) {
  std::optional<T> changed;
  absl::Status done = pool.InTransaction([&](pqxx::work& tx) {
    PgTicketStore store(tx, call.trace().Traceparent());
    absl::StatusOr<T> result = use_case(store);
    if (!result.ok()) return result.status();
    changed = *std::move(result);
    return absl::OkStatus();
  });
  if (!done.ok()) return done;
  return *std::move(changed);
}

// Lists ask for one row more than the page holds. Returns true, and drops that
// row, if it came: there is a next page.
template <typename Row>
bool DropExtra(std::vector<Row>& rows, int size) {
  if (rows.size() <= static_cast<size_t>(size)) return false;
  rows.pop_back();
  return true;
}

}  // namespace

CookService::CookService(const platform::auth::Access& access,
                         platform::pg::Pool& pool, platform::Executor& executor,
                         platform::Clock clock)
    : access_(access),
      pool_(pool),
      executor_(executor),
      clock_(std::move(clock)) {}

ServerUnaryReactor* CookService::CancelTicket(
    CallbackServerContext* context, const v1::CancelTicketRequest* request,
    v1::CancelTicketResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "CancelTicket");
  if (!caller.ok()) {
    return rpc::Answer(context, "CancelTicket", caller.status());
  }
  absl::StatusOr<CancelCommand> command =
      Checked(*request, IsOrderService(*caller, *request));
  if (!command.ok()) {
    return rpc::Answer(context, "CancelTicket", command.status());
  }
  return rpc::Run(executor_, Priority::kUrgent, context, "CancelTicket",
                  [=, this, command = *std::move(command)](rpc::Call& call) {
                    call.SetAggregateId(command.order.order_id);
                    absl::Status hit = before_cancel.Hit();
                    if (!hit.ok()) return hit;
                    absl::StatusOr<Ticket> ticket =
                        Change<Ticket>(pool_, call, [&](TicketStore& store) {
                          return cook::CancelTicket(store, command, clock_());
                        });
                    if (!ticket.ok()) return ticket.status();
                    *response->mutable_ticket() = ToProto(ticket->data());
                    response->set_by(ticket->data().cancelled_by);
                    return after_cancel_commit.Hit();
                  });
}

ServerUnaryReactor* CookService::ListCancellations(
    CallbackServerContext* context, const v1::ListCancellationsRequest* request,
    v1::ListCancellationsResponse* response) {
  const absl::StatusOr<Caller> caller =
      access_.Admit(*context, "ListCancellations");
  if (!caller.ok()) {
    return rpc::Answer(context, "ListCancellations", caller.status());
  }
  absl::StatusOr<CancellationsPage> page = Checked(*request);
  if (!page.ok()) {
    return rpc::Answer(context, "ListCancellations", page.status());
  }
  if (!caller->Has(kRestaurants, page->restaurant_id)) {
    return rpc::Answer(context, "ListCancellations", NotYours("restaurant_id"));
  }
  return rpc::Run(
      executor_, Priority::kUrgent, context, "ListCancellations",
      [=, this, page = *std::move(page)](rpc::Call& /*call*/) {
        std::vector<TicketData> tickets;
        absl::Status read = pool_.Read([&](pqxx::nontransaction& tx) {
          tickets =
              ListCancelled(tx, page.restaurant_id, page.before, page.size + 1);
          return absl::OkStatus();
        });
        if (!read.ok()) return read;
        if (DropExtra(tickets, page.size)) {
          response->set_next_page_token(TokenAfter(page, tickets.back()));
        }
        for (const TicketData& ticket : tickets) {
          *response->add_cancellations() = ToCancellation(ticket);
        }
        return absl::OkStatus();
      });
}

ServerUnaryReactor* CookService::GetTicket(CallbackServerContext* context,
                                           const v1::GetTicketRequest* request,
                                           v1::GetTicketResponse* response) {
  absl::StatusOr<Caller> caller = access_.Admit(*context, "GetTicket");
  if (!caller.ok()) {
    return rpc::Answer(context, "GetTicket", caller.status());
  }
  absl::StatusOr<std::string> id = Checked(*request);
  if (!id.ok()) return rpc::Answer(context, "GetTicket", id.status());
  return rpc::Run(
      executor_, Priority::kUrgent, context, "GetTicket",
      [=, this, caller = *std::move(caller),
       id = *std::move(id)](rpc::Call& call) {
        call.SetAggregateId(id);
        return pool_.Read([&](pqxx::nontransaction& tx) {
          const std::optional<TicketData> ticket = FindTicket(tx, id);
          if (!ticket.has_value() ||
              !caller.Has(kRestaurants, ticket->order.restaurant_id)) {
            return NoTicket(id);
          }
          *response->mutable_ticket() = ToProto(*ticket);
          return absl::OkStatus();
        });
      });
}

ServerUnaryReactor* CookService::ListTickets(
    CallbackServerContext* context, const v1::ListTicketsRequest* request,
    v1::ListTicketsResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "ListTickets");
  if (!caller.ok()) {
    return rpc::Answer(context, "ListTickets", caller.status());
  }
  absl::StatusOr<TicketsPage> page = Checked(*request);
  if (!page.ok()) return rpc::Answer(context, "ListTickets", page.status());
  if (!caller->Has(kRestaurants, page->restaurant_id)) {
    return rpc::Answer(context, "ListTickets", NotYours("restaurant_id"));
  }
  return rpc::Run(
      executor_, Priority::kUrgent, context, "ListTickets",
      [=, this, page = *std::move(page)](rpc::Call& /*call*/) {
        std::vector<TicketData> tickets;
        absl::Status read = pool_.Read([&](pqxx::nontransaction& tx) {
          tickets = cook::ListTickets(tx, page.restaurant_id, page.status,
                                      page.before, page.size + 1);
          return absl::OkStatus();
        });
        if (!read.ok()) return read;
        if (DropExtra(tickets, page.size)) {
          response->set_next_page_token(TokenAfter(page, tickets.back()));
        }
        for (const TicketData& ticket : tickets) {
          *response->add_tickets() = ToProto(ticket);
        }
        return absl::OkStatus();
      });
}

ServerUnaryReactor* CookService::FinishCooking(
    CallbackServerContext* context, const v1::FinishCookingRequest* request,
    v1::FinishCookingResponse* response) {
  absl::StatusOr<Caller> caller = access_.Admit(*context, "FinishCooking");
  if (!caller.ok()) {
    return rpc::Answer(context, "FinishCooking", caller.status());
  }
  absl::StatusOr<std::string> id = Checked(*request);
  if (!id.ok()) return rpc::Answer(context, "FinishCooking", id.status());
  return rpc::Run(executor_, Priority::kNormal, context, "FinishCooking",
                  [=, this, caller = *std::move(caller),
                   id = *std::move(id)](rpc::Call& call) {
                    call.SetAggregateId(id);
                    absl::StatusOr<Ticket> ticket = Change<Ticket>(
                        pool_, call,
                        [&](TicketStore& store) -> absl::StatusOr<Ticket> {
                          const std::optional<Ticket> found = store.Lock(id);
                          if (found.has_value() &&
                              !caller.Has(kRestaurants,
                                          found->data().order.restaurant_id)) {
                            return NoTicket(id);
                          }
                          return cook::FinishCooking(store, id, clock_());
                        });
                    if (!ticket.ok()) return ticket.status();
                    *response->mutable_ticket() = ToProto(ticket->data());
                    return after_finish_commit.Hit();
                  });
}

ServerUnaryReactor* CookService::GetStock(CallbackServerContext* context,
                                          const v1::GetStockRequest* request,
                                          v1::GetStockResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "GetStock");
  if (!caller.ok()) {
    return rpc::Answer(context, "GetStock", caller.status());
  }
  const absl::StatusOr<Item> item = Checked(*request);
  if (!item.ok()) return rpc::Answer(context, "GetStock", item.status());
  if (!caller->Has(kRestaurants, item->restaurant_id)) {
    return rpc::Answer(context, "GetStock", NotYours("restaurant_id"));
  }
  return rpc::Run(executor_, Priority::kUrgent, context, "GetStock",
                  [=, this, item = *item](rpc::Call& /*call*/) {
                    return pool_.Read([&](pqxx::nontransaction& tx) {
                      const Stock stock =
                          FindStock(tx, item).value_or(Stock(item));
                      *response->mutable_stock() = ToProto(stock);
                      return absl::OkStatus();
                    });
                  });
}

ServerUnaryReactor* CookService::SetStock(CallbackServerContext* context,
                                          const v1::SetStockRequest* request,
                                          v1::SetStockResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "SetStock");
  if (!caller.ok()) {
    return rpc::Answer(context, "SetStock", caller.status());
  }
  const absl::StatusOr<Item> item = Checked(*request);
  if (!item.ok()) return rpc::Answer(context, "SetStock", item.status());
  if (!caller->Has(kRestaurants, item->restaurant_id)) {
    return rpc::Answer(context, "SetStock", NotYours("restaurant_id"));
  }
  return rpc::Run(
      executor_, Priority::kLow, context, "SetStock",
      [=, this, item = *item, on_hand = request->on_hand()](rpc::Call& call) {
        absl::StatusOr<Stock> stock =
            Change<Stock>(pool_, call, [&](TicketStore& store) {
              return cook::SetStock(store, item, on_hand, clock_());
            });
        if (!stock.ok()) return stock.status();
        *response->mutable_stock() = ToProto(*stock);
        return absl::OkStatus();
      });
}

ServerUnaryReactor* CookService::ListStock(CallbackServerContext* context,
                                           const v1::ListStockRequest* request,
                                           v1::ListStockResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "ListStock");
  if (!caller.ok()) {
    return rpc::Answer(context, "ListStock", caller.status());
  }
  absl::StatusOr<StockPage> page = Checked(*request);
  if (!page.ok()) return rpc::Answer(context, "ListStock", page.status());
  if (!caller->Has(kRestaurants, page->restaurant_id)) {
    return rpc::Answer(context, "ListStock", NotYours("restaurant_id"));
  }
  return rpc::Run(
      executor_, Priority::kUrgent, context, "ListStock",
      [=, this, page = *std::move(page)](rpc::Call& /*call*/) {
        std::vector<Stock> stocks;
        absl::Status read = pool_.Read([&](pqxx::nontransaction& tx) {
          stocks = cook::ListStock(tx, page.restaurant_id, page.after,
                                   page.size + 1);
          return absl::OkStatus();
        });
        if (!read.ok()) return read;
        if (DropExtra(stocks, page.size)) {
          response->set_next_page_token(TokenAfter(page, stocks.back()));
        }
        for (const Stock& stock : stocks)
          *response->add_stocks() = ToProto(stock);
        return absl::OkStatus();
      });
}

}  // namespace cook
