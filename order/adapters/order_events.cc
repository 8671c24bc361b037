#include "order/adapters/order_events.h"

#include <variant>

#include "order/adapters/order_proto.h"
#include "platform/uuid/uuid.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace order {
namespace {

using platform::events::OutboxEvent;

// One overload per fact: its subject and its message.
class Teller {
 public:
  Teller(const OrderState& after, OutboxEvent& event)
      : after_(after), event_(event) {}

  void operator()(const Ordered&) {
    v1::Ordered message;
    Tell("restaurant.order.ordered", message);
  }
  void operator()(const CancelPending& fact) {
    v1::OrderCancelPending message;
    TellWhy("restaurant.order.cancel_pending", fact, message);
  }
  void operator()(const CancelRefused& fact) {
    v1::OrderCancelRefused message;
    TellWhy("restaurant.order.cancel_refused", fact, message);
  }
  void operator()(const Cancelled& fact) {
    v1::OrderCancelled message;
    TellWhy("restaurant.order.cancelled", fact, message);
  }
  void operator()(const Rejected& fact) {
    v1::OrderRejected message;
    TellWhy("restaurant.order.rejected", fact, message);
  }
  void operator()(const Completed& fact) {
    v1::OrderCompleted message;
    message.set_by(fact.by);
    Tell("restaurant.order.completed", message);
  }

 private:
  template <typename FactT, typename MessageT>
  void TellWhy(const char* subject, const FactT& fact, MessageT& message) {
    message.set_reason(fact.reason);
    message.set_by(fact.by);
    Tell(subject, message);
  }

  template <typename MessageT>
  void Tell(const char* subject, MessageT& message) {
    ToProto(after_, message.mutable_order());
    event_.subject = subject;
    event_.type = message.GetDescriptor()->full_name();
    event_.payload = message.SerializeAsString();
  }

  const OrderState& after_;
  OutboxEvent& event_;
};

}  // namespace

OutboxEvent ToEvent(const Fact& fact, absl::string_view traceparent) {
  OutboxEvent event;
  event.event_id = platform::NewUuid(fact.after.modified);
  event.aggregate_id = fact.after.id;
  event.version = fact.after.version;
  event.time = fact.after.modified;
  event.traceparent = std::string(traceparent);
  std::visit(Teller(fact.after, event), fact.what);
  return event;
}

}  // namespace order
