#include "tests/integration/mypage/lives.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "mypage/adapters/subscriptions.h"
#include "platform/events/inbox.h"
#include "platform/events/retention.h"
#include "platform/grpc/time.h"
#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "restaurant/order/v1/order_events.pb.h"

namespace mypage {
namespace {

namespace order_v1 = ::restaurant::order::v1;
namespace cook_v1 = ::restaurant::cook::v1;
namespace delivery_v1 = ::restaurant::delivery::v1;
using platform::events::Message;

// Tells the events of one life, one second apart.
class Teller {
 public:
  Teller(std::string order_id, int32_t customer_id)
      : order_id_(std::move(order_id)), customer_id_(customer_id) {}

  template <typename EventT>
  void Order(const char* name, order_v1::OrderStatus status, int version,
             const std::string& by, const std::string& reason = "") {
    EventT event;
    order_v1::Order* order = event.mutable_order();
    Fill(order);
    order->set_status(status);
    order->set_version(version);
    if constexpr (requires { event.set_by(by); }) event.set_by(by);
    if constexpr (requires { event.set_reason(reason); }) {
      event.set_reason(reason);
    }
    Tell("order", name, version, event);
  }

  template <typename EventT>
  void Cook(const char* name, cook_v1::TicketStatus status, int version,
            const std::string& by, const std::string& reason = "") {
    EventT event;
    Fill(event.mutable_ticket());
    event.mutable_ticket()->set_status(status);
    event.mutable_ticket()->set_version(version);
    event.set_by(by);
    if constexpr (requires { event.set_reason(reason); }) {
      event.set_reason(reason);
    }
    Tell("cook", name, version, event);
  }

  template <typename EventT>
  void Delivery(const char* name, delivery_v1::DeliveryStatus status,
                int version) {
    EventT event;
    Fill(event.mutable_delivery());
    event.mutable_delivery()->set_status(status);
    event.mutable_delivery()->set_version(version);
    event.set_by("courier");
    Tell("delivery", name, version, event);
  }

  std::vector<Message> messages;

 private:
  template <typename PartT>
  void Fill(PartT* part) {
    part->set_order_id(order_id_);
    part->set_customer_id(customer_id_);
    part->set_restaurant_id(3);
    part->set_restaurant_menu_id(12);
    part->set_qty(2);
    *part->mutable_create_date() = platform::rpc::ToProto(kNoon);
  }

  template <typename EventT>
  void Tell(const char* source, const char* name, int version,
            const EventT& event) {
    Message message;
    // The order's own digits, with the number of the event in the middle.
    message.event_id = order_id_;
    message.event_id.replace(
        14, 4, absl::StrFormat("7%03d", static_cast<int>(messages.size() + 1)));
    message.type = event.GetDescriptor()->full_name();
    message.source = source;
    message.aggregate_id = order_id_;
    message.version = version;
    message.time = kNoon + absl::Seconds(static_cast<int64_t>(messages.size()));
    message.payload = event.SerializeAsString();
    message.subject = absl::StrCat("restaurant.", source, ".", name);
    messages.push_back(std::move(message));
  }

  const std::string order_id_;
  const int32_t customer_id_;
};

}  // namespace

std::string OrderId(int n) {
  return absl::StrFormat("0197e3b0-0000-7000-8000-%012d", n);
}

std::vector<Message> Life(const std::string& order_id, int kind,
                          int32_t customer_id) {
  using namespace order_v1;     // NOLINT: events and statuses of all three
  using namespace cook_v1;      // NOLINT
  using namespace delivery_v1;  // NOLINT
  Teller teller(order_id, customer_id);
  teller.Order<Ordered>("ordered", ORDER_STATUS_ORDERED, 1, "customer");
  const auto started = [&] {
    teller.Cook<CookStarted>("started", TICKET_STATUS_COOKING, 1, "kitchen");
  };
  const auto cooked = [&] {
    teller.Cook<Cooked>("cooked", TICKET_STATUS_COOKED, 2, "kitchen");
  };
  const auto delivered = [&](int version) {
    teller.Delivery<DeliveryStarted>("started", DELIVERY_STATUS_STARTED, 1);
    teller.Delivery<Delivered>("delivered", DELIVERY_STATUS_DELIVERED, 2);
    teller.Order<OrderCompleted>("completed", ORDER_STATUS_COMPLETED, version,
                                 "courier");
  };
  switch (kind) {
    case 0:
      started();
      cooked();
      delivered(2);
      break;
    case 1:
      teller.Cook<CookQtyChecked>("qty_checked", TICKET_STATUS_REJECTED, 1,
                                  "kitchen", "QUANTITY_OVER");
      teller.Order<OrderRejected>("rejected", ORDER_STATUS_REJECTED, 2,
                                  "kitchen", "QUANTITY_OVER");
      break;
    case 2:
      started();
      teller.Cook<CookCancelled>("cancelled", TICKET_STATUS_CANCELLED, 2,
                                 "customer", "too\tlate\n\"{}'");
      teller.Order<OrderCancelled>("cancelled", ORDER_STATUS_CANCELLED, 2,
                                   "customer", "too\tlate\n\"{}'");
      break;
    case 3:
      started();
      cooked();
      teller.Order<OrderCancelPending>(
          "cancel_pending", ORDER_STATUS_CANCEL_PENDING, 2, "customer", "마음");
      teller.Order<OrderCancelRefused>("cancel_refused", ORDER_STATUS_ORDERED,
                                       3, "kitchen", "ALREADY_COOKED");
      delivered(4);
      break;
    case 4:
      teller.Cook<CookCancelled>("cancelled", TICKET_STATUS_CANCELLED, 1,
                                 "operator");
      teller.Order<OrderCancelled>("cancelled", ORDER_STATUS_CANCELLED, 2,
                                   "operator");
      break;
    default:
      break;
  }
  return std::move(teller.messages);
}

std::vector<Message> Lives(int from, int to) {
  std::vector<Message> all;
  for (int i = from; i < to; ++i) {
    for (Message& message : Life(OrderId(i), i % kKinds)) {
      all.push_back(std::move(message));
    }
  }
  return all;
}

std::string StreamOf(const Message& message) {
  if (message.source == "order") return "ORDER";
  return message.source == "cook" ? "COOK" : "DELIVERY";
}

platform::events::Handler HandlerOf(const std::string& stream) {
  for (const platform::events::Subscription& each : Subscriptions()) {
    if (each.stream == stream) return each.handler;
  }
  return nullptr;
}

platform::events::OutMessage ToWire(const Message& message,
                                    const std::string& id) {
  return {.subject = message.subject,
          .headers = {{"Nats-Msg-Id", id.empty() ? message.event_id : id},
                      {"ce-id", message.event_id},
                      {"ce-type", message.type},
                      {"ce-source", message.source},
                      {"ce-subject", message.aggregate_id},
                      {"ce-time",
                       absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", message.time,
                                        absl::UTCTimeZone())},
                      {"ce-specversion", "1.0"},
                      {"ce-aggregateversion", absl::StrCat(message.version)},
                      {"content-type", "application/protobuf"}},
          .payload = message.payload};
}

void Prepare(pqxx::connection& connection) {
  PrepareMypage(connection, Tell::kWatchers);
  platform::events::PrepareInbox(connection);
  platform::events::Retention::Prepare(connection);
}

absl::Status Apply(platform::pg::Pool& pool,
                   const std::vector<Message>& messages, size_t batch) {
  std::map<std::string, std::vector<Message>> hands;
  const auto flush = [&](const std::string& stream) {
    std::vector<Message> hand = std::move(hands[stream]);
    hands[stream].clear();
    return platform::events::ApplyOnce(pool, "mypage", hand, HandlerOf(stream));
  };
  for (const Message& message : messages) {
    const std::string stream = StreamOf(message);
    hands[stream].push_back(message);
    if (hands[stream].size() < batch) continue;
    if (absl::Status status = flush(stream); !status.ok()) return status;
  }
  for (const char* stream : {"ORDER", "COOK", "DELIVERY"}) {
    if (absl::Status status = flush(stream); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace mypage
