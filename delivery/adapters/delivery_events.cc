#include "delivery/adapters/delivery_events.h"

#include <utility>
#include <variant>

#include "delivery/adapters/delivery_proto.h"
#include "platform/uuid/uuid.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"

namespace delivery {
namespace {

// Makes the event of each kind of fact and says where it is published.
struct Describe {
  const DeliveryData& delivery;
  platform::events::OutboxEvent& event;

  void operator()(const DeliveryStarted&) const {
    Fill("restaurant.delivery.started", v1::DeliveryStarted());
  }
  void operator()(const Delivered&) const {
    Fill("restaurant.delivery.delivered", v1::Delivered());
  }

 private:
  template <typename Proto>
  void Fill(const char* subject, Proto proto) const {
    *proto.mutable_delivery() = ToProto(delivery);
    proto.set_by(std::string(kCourier));
    event.subject = subject;
    event.type = proto.GetTypeName();
    event.payload = proto.SerializeAsString();
  }
};

}  // namespace

platform::events::OutboxEvent ToOutbox(const Delivery& delivery,
                                       std::string traceparent) {
  const DeliveryData& data = delivery.data();
  platform::events::OutboxEvent event;
  event.event_id = platform::NewUuid(data.modified);
  event.aggregate_id = data.parcel.order_id;
  event.version = data.version;
  event.time = data.modified;
  event.traceparent = std::move(traceparent);
  std::visit(Describe{data, event}, *delivery.fact());
  return event;
}

}  // namespace delivery
