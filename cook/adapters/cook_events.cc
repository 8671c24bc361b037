#include "cook/adapters/cook_events.h"

#include <utility>
#include <variant>

#include "cook/adapters/ticket_proto.h"
#include "platform/uuid/uuid.h"
#include "restaurant/cook/v1/cook_events.pb.h"

namespace cook {
namespace {

// Makes the event of each kind of fact and says where it is published.
struct Describe {
  const TicketData& ticket;
  platform::events::OutboxEvent& event;

  void operator()(const CookStarted&) const {
    v1::CookStarted proto;
    proto.set_by(std::string(kKitchen));
    Fill("restaurant.cook.started", proto);
  }
  void operator()(const CookQtyChecked& fact) const {
    v1::CookQtyChecked proto;
    proto.set_on_hand(fact.on_hand);
    proto.set_reason(ticket.reason);
    proto.set_by(std::string(kKitchen));
    Fill("restaurant.cook.qty_checked", proto);
  }
  void operator()(const Cooked&) const {
    v1::Cooked proto;
    proto.set_by(std::string(kKitchen));
    Fill("restaurant.cook.cooked", proto);
  }
  void operator()(const CookCancelled& fact) const {
    v1::CookCancelled proto;
    proto.set_reason(fact.reason);
    proto.set_by(fact.by);
    Fill("restaurant.cook.cancelled", proto);
  }

 private:
  template <typename Proto>
  void Fill(const char* subject, Proto& proto) const {
    *proto.mutable_ticket() = ToProto(ticket);
    event.subject = subject;
    event.type = proto.GetTypeName();
    event.payload = proto.SerializeAsString();
  }
};

}  // namespace

platform::events::OutboxEvent ToOutbox(const Ticket& ticket,
                                       std::string traceparent) {
  const TicketData& data = ticket.data();
  platform::events::OutboxEvent event;
  event.event_id = platform::NewUuid(data.modified);
  event.aggregate_id = data.order.order_id;
  event.version = data.version;
  event.time = data.modified;
  event.traceparent = std::move(traceparent);
  std::visit(Describe{data, event}, *ticket.fact());
  return event;
}

}  // namespace cook
