// Tickets and stocks as protos.
#pragma once

#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "restaurant/cook/v1/cook_service.pb.h"
#include "restaurant/cook/v1/ticket.pb.h"

namespace cook {

namespace v1 = ::restaurant::cook::v1;

v1::TicketStatus ToProto(TicketStatus status);
v1::Ticket ToProto(const TicketData& ticket);
v1::Stock ToProto(const Stock& stock);
// `ticket` must be cancelled.
v1::Cancellation ToCancellation(const TicketData& ticket);

}  // namespace cook
