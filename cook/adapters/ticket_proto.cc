#include "cook/adapters/ticket_proto.h"

#include "platform/grpc/time.h"

namespace cook {

v1::TicketStatus ToProto(TicketStatus status) {
  switch (status) {
    case TicketStatus::kCooking:
      return v1::TICKET_STATUS_COOKING;
    case TicketStatus::kCooked:
      return v1::TICKET_STATUS_COOKED;
    case TicketStatus::kCancelled:
      return v1::TICKET_STATUS_CANCELLED;
    case TicketStatus::kRejected:
      return v1::TICKET_STATUS_REJECTED;
  }
  return v1::TICKET_STATUS_UNSPECIFIED;
}

v1::Ticket ToProto(const TicketData& ticket) {
  v1::Ticket proto;
  proto.set_order_id(ticket.order.order_id);
  proto.set_restaurant_id(ticket.order.restaurant_id);
  proto.set_restaurant_menu_id(ticket.order.restaurant_menu_id);
  proto.set_customer_id(ticket.order.customer_id);
  proto.set_qty(ticket.order.qty);
  proto.set_status(ToProto(ticket.status));
  proto.set_version(ticket.version);
  *proto.mutable_create_date() = platform::rpc::ToProto(ticket.created);
  *proto.mutable_modified_date() = platform::rpc::ToProto(ticket.modified);
  proto.set_reason(ticket.reason);
  return proto;
}

v1::Stock ToProto(const Stock& stock) {
  v1::Stock proto;
  proto.set_restaurant_id(stock.item().restaurant_id);
  proto.set_restaurant_menu_id(stock.item().restaurant_menu_id);
  proto.set_on_hand(stock.on_hand());
  if (stock.modified().has_value()) {
    *proto.mutable_modified_date() = platform::rpc::ToProto(*stock.modified());
  }
  return proto;
}

v1::Cancellation ToCancellation(const TicketData& ticket) {
  v1::Cancellation proto;
  *proto.mutable_ticket() = ToProto(ticket);
  *proto.mutable_cancel_date() = platform::rpc::ToProto(ticket.modified);
  proto.set_reason(ticket.reason);
  proto.set_by(ticket.cancelled_by);
  return proto;
}

}  // namespace cook
