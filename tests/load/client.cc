#include "tests/load/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"

#include "platform/grpc/status.h"
#include "platform/status/error.h"

namespace load {
namespace {

namespace order_v1 = ::restaurant::order::v1;
namespace cook_v1 = ::restaurant::cook::v1;
namespace delivery_v1 = ::restaurant::delivery::v1;
namespace mypage_v1 = ::restaurant::mypage::v1;
using platform::MutexLock;

// Channels with equal arguments would share one connection.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // How long a connection may take: long enough for a machine that is busy.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(),
                                   arguments);
}

template <class Service>
auto Stubs(const std::string& target, int count) {
  std::vector<std::unique_ptr<typename Service::Stub>> stubs;
  for (int i = 0; i < count; ++i) {
    stubs.push_back(Service::NewStub(NewChannel(target)));
  }
  return stubs;
}

// "COOKING" of TICKET_STATUS_COOKING.
std::string Short(const std::string& name, const char* prefix) {
  return std::string(absl::StripPrefix(name, prefix));
}

std::string StatusName(order_v1::OrderStatus status) {
  return Short(order_v1::OrderStatus_Name(status), "ORDER_STATUS_");
}

void ReadOrder(const order_v1::Order& order, Entry& entry) {
  entry.order_id = order.order_id();
  entry.status = StatusName(order.status());
  entry.version = order.version();
}

void ReadTicket(const cook_v1::Ticket& ticket, Entry& entry) {
  entry.status =
      Short(cook_v1::TicketStatus_Name(ticket.status()), "TICKET_STATUS_");
  entry.version = ticket.version();
}

}  // namespace

bool Indeterminate(const Entry& entry) {
  return entry.code == "UNAVAILABLE" || entry.code == "DEADLINE_EXCEEDED" ||
         entry.code == "CANCELLED" || entry.code == "UNKNOWN" ||
         entry.code == "INTERNAL";
}

// One request on its way; deletes itself when it has ended.
template <class Request, class Response>
struct Client::Exchange {
  grpc::ClientContext context;
  Request request;
  Response response;
  Entry entry;
};

Client::Client(Options options, History& history, const Tokens& tokens)
    : options_(std::move(options)),
      history_(history),
      tokens_(tokens),
      order_(Stubs<order_v1::OrderService>(options_.targets.order,
                                           options_.channels)),
      cook_(Stubs<cook_v1::CookService>(options_.targets.cook,
                                        options_.channels)),
      delivery_(Stubs<delivery_v1::DeliveryService>(options_.targets.delivery,
                                                    options_.channels)),
      mypage_(Stubs<mypage_v1::MypageService>(options_.targets.mypage,
                                              options_.channels)) {}

Client::~Client() { WaitForAnswers(); }

template <class Request, class Response, class Start>
void Client::Send(Entry entry, Role role, Request request, Start start,
                  std::function<void(const Response&, Entry&)> read,
                  Done done) {
  if (in_flight_.fetch_add(1) >= options_.max_in_flight) {
    in_flight_.fetch_sub(1);
    MutexLock lock(mutex_);
    ++recent_.codes["NOT_SENT"];
    ++totals_[entry.op].codes["NOT_SENT"];
    return;
  }
  auto* exchange = new Exchange<Request, Response>;
  exchange->request = std::move(request);
  exchange->entry = std::move(entry);
  exchange->entry.sent = absl::Now();
  exchange->context.set_deadline(
      absl::ToChronoTime(exchange->entry.sent + options_.deadline));
  tokens_.Put(role, exchange->entry.customer, exchange->context);
  start(&exchange->context, &exchange->request, &exchange->response,
        [this, exchange, read = std::move(read),
         done = std::move(done)](const grpc::Status& answered) {
          Entry& told = exchange->entry;
          told.ended = absl::Now();
          const absl::Status status = platform::rpc::FromGrpcStatus(answered);
          told.code = absl::StatusCodeToString(status.code());
          told.reason = platform::ReasonOf(status);
          told.retry_after = platform::RetryAfterOf(status).has_value();
          if (status.ok()) read(exchange->response, told);
          Note(told);
          if (done) done(told);
          delete exchange;
          MutexLock lock(mutex_);
          if (in_flight_.fetch_sub(1) == 1) idle_.SignalAll();
        });
}

void Client::Note(const Entry& entry) {
  history_.Add(entry);
  MutexLock lock(mutex_);
  for (Tally* tally : {&recent_, &totals_[entry.op]}) {
    ++tally->codes[entry.code];
    if (entry.code == "OK") {
      tally->microseconds.Record(
          absl::ToInt64Microseconds(entry.ended - entry.intended));
    }
  }
}

void Client::Place(absl::Time intended, const Wish& wish, Done done) {
  order_v1::PlaceOrderRequest request;
  request.set_request_id(wish.key);
  request.set_customer_id(wish.customer);
  request.set_restaurant_id(wish.restaurant);
  request.set_restaurant_menu_id(wish.menu);
  request.set_qty(wish.qty);
  Entry entry{.op = "place",
              .intended = intended,
              .key = wish.key,
              .customer = wish.customer,
              .restaurant = wish.restaurant,
              .menu = wish.menu,
              .qty = wish.qty};
  auto* stub = order_[NextChannel() % order_.size()].get();
  Send<order_v1::PlaceOrderRequest, order_v1::PlaceOrderResponse>(
      std::move(entry), Role::kCustomer, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->PlaceOrder(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const order_v1::PlaceOrderResponse& response, Entry& told) {
        const order_v1::Order& order = response.order();
        ReadOrder(order, told);
        told.told = absl::StrCat(
            order.order_id(), " ", order.customer_id(), " ",
            order.restaurant_id(), " ", order.restaurant_menu_id(), " ",
            order.qty(), " ", told.status, " ", told.version, " ",
            order.create_date().seconds(), ".", order.create_date().nanos());
      },
      std::move(done));
}

void Client::Cancel(absl::Time intended, const std::string& order_id,
                    int32_t customer, Done done) {
  order_v1::CancelOrderRequest request;
  request.set_order_id(order_id);
  request.set_reason("changed my mind");
  Entry entry{.op = "cancel",
              .intended = intended,
              .customer = customer,
              .order_id = order_id};
  auto* stub = order_[NextChannel() % order_.size()].get();
  Send<order_v1::CancelOrderRequest, order_v1::CancelOrderResponse>(
      std::move(entry), Role::kCustomer, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->CancelOrder(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const order_v1::CancelOrderResponse& response, Entry& told) {
        ReadOrder(response.order(), told);
      },
      std::move(done));
}

void Client::GetOrder(absl::Time intended, const std::string& order_id,
                      int32_t customer, Done done) {
  order_v1::GetOrderRequest request;
  request.set_order_id(order_id);
  Entry entry{.op = "get",
              .intended = intended,
              .customer = customer,
              .order_id = order_id};
  auto* stub = order_[NextChannel() % order_.size()].get();
  Send<order_v1::GetOrderRequest, order_v1::GetOrderResponse>(
      std::move(entry), Role::kCustomer, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->GetOrder(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const order_v1::GetOrderResponse& response, Entry& told) {
        ReadOrder(response.order(), told);
      },
      std::move(done));
}

void Client::GetMypage(absl::Time intended, const std::string& order_id,
                       int32_t customer, Done done) {
  mypage_v1::GetMypageRequest request;
  request.set_order_id(order_id);
  Entry entry{.op = "view",
              .intended = intended,
              .customer = customer,
              .order_id = order_id};
  auto* stub = mypage_[NextChannel() % mypage_.size()].get();
  Send<mypage_v1::GetMypageRequest, mypage_v1::GetMypageResponse>(
      std::move(entry), Role::kCustomer, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->GetMypage(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const mypage_v1::GetMypageResponse& response, Entry& told) {
        told.status = StatusName(response.mypage().order_status());
        told.version = response.mypage().version();
      },
      std::move(done));
}

void Client::GetTicket(absl::Time intended, const std::string& order_id,
                       Done done) {
  cook_v1::GetTicketRequest request;
  request.set_order_id(order_id);
  Entry entry{.op = "ticket", .intended = intended, .order_id = order_id};
  auto* stub = cook_[NextChannel() % cook_.size()].get();
  Send<cook_v1::GetTicketRequest, cook_v1::GetTicketResponse>(
      std::move(entry), Role::kKitchen, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->GetTicket(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const cook_v1::GetTicketResponse& response, Entry& told) {
        ReadTicket(response.ticket(), told);
      },
      std::move(done));
}

void Client::FinishCooking(absl::Time intended, const std::string& order_id,
                           Done done) {
  cook_v1::FinishCookingRequest request;
  request.set_order_id(order_id);
  Entry entry{.op = "finish", .intended = intended, .order_id = order_id};
  auto* stub = cook_[NextChannel() % cook_.size()].get();
  Send<cook_v1::FinishCookingRequest, cook_v1::FinishCookingResponse>(
      std::move(entry), Role::kKitchen, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->FinishCooking(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const cook_v1::FinishCookingResponse& response, Entry& told) {
        ReadTicket(response.ticket(), told);
      },
      std::move(done));
}

void Client::CompleteDelivery(absl::Time intended, const std::string& order_id,
                              Done done) {
  delivery_v1::CompleteDeliveryRequest request;
  request.set_order_id(order_id);
  Entry entry{.op = "deliver", .intended = intended, .order_id = order_id};
  auto* stub = delivery_[NextChannel() % delivery_.size()].get();
  Send<delivery_v1::CompleteDeliveryRequest,
       delivery_v1::CompleteDeliveryResponse>(
      std::move(entry), Role::kCourier, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->CompleteDelivery(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const delivery_v1::CompleteDeliveryResponse& response, Entry& told) {
        told.status = Short(
            delivery_v1::DeliveryStatus_Name(response.delivery().status()),
            "DELIVERY_STATUS_");
        told.version = response.delivery().version();
      },
      std::move(done));
}

void Client::SetStock(absl::Time intended, int32_t restaurant, int32_t menu,
                      int32_t on_hand, Done done) {
  cook_v1::SetStockRequest request;
  request.set_restaurant_id(restaurant);
  request.set_restaurant_menu_id(menu);
  request.set_on_hand(on_hand);
  Entry entry{.op = "stock",
              .intended = intended,
              .restaurant = restaurant,
              .menu = menu,
              .qty = on_hand};
  auto* stub = cook_[NextChannel() % cook_.size()].get();
  Send<cook_v1::SetStockRequest, cook_v1::SetStockResponse>(
      std::move(entry), Role::kKitchen, std::move(request),
      [stub](auto&&... arguments) {
        stub->async()->SetStock(
            std::forward<decltype(arguments)>(arguments)...);
      },
      [](const cook_v1::SetStockResponse&, Entry&) {}, std::move(done));
}

void Client::WaitForAnswers() {
  MutexLock lock(mutex_);
  while (in_flight_.load() > 0) idle_.Wait(mutex_);
}

Tally Client::TakeRecent() {
  MutexLock lock(mutex_);
  return std::exchange(recent_, {});
}

std::map<std::string, Tally> Client::Totals() {
  MutexLock lock(mutex_);
  return totals_;
}

}  // namespace load
