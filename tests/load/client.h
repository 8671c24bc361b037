// A customer, a kitchen and a courier, who note what they are told.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"

#include "platform/thread/mutex.h"
#include "restaurant/cook/v1/cook_service.grpc.pb.h"
#include "restaurant/delivery/v1/delivery_service.grpc.pb.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"
#include "restaurant/order/v1/order_service.grpc.pb.h"
#include "tests/load/histogram.h"
#include "tests/load/history.h"
#include "tests/load/tokens.h"

namespace load {

// Where the four services are; the gateway's address four times is usual.
struct Targets {
  std::string order, cook, delivery, mypage;
};

// How calls of one kind went.
struct Tally {
  Histogram microseconds;  // of those answered OK, from the intended time
  std::map<std::string, int64_t> codes;
};

// Sends requests and never waits: each answer is noted in the history, counted,
// and given to the caller's function, on a thread of gRPC's. At most
// `max_in_flight` wait for an answer; what would be more is not sent and
// counted as NOT_SENT. Thread-safe.
class Client {
 public:
  struct Options {
    Targets targets;
    int channels = 8;  // connections to each target
    absl::Duration deadline = absl::Seconds(5);
    int max_in_flight = 20000;
  };
  using Done = std::function<void(const Entry&)>;

  struct Wish {
    std::string key;
    int32_t customer = 0;
    int32_t restaurant = 0;
    int32_t menu = 0;
    int32_t qty = 0;
  };

  // `history` and `tokens` must outlive the client.
  Client(Options options, History& history, const Tokens& tokens);
  // Waits for the answers that are missing.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Place(absl::Time intended, const Wish& wish, Done done);
  void Cancel(absl::Time intended, const std::string& order_id,
              int32_t customer, Done done);
  void GetOrder(absl::Time intended, const std::string& order_id,
                int32_t customer, Done done);
  void GetMypage(absl::Time intended, const std::string& order_id,
                 int32_t customer, Done done);
  void GetTicket(absl::Time intended, const std::string& order_id, Done done);
  void FinishCooking(absl::Time intended, const std::string& order_id,
                     Done done);
  void CompleteDelivery(absl::Time intended, const std::string& order_id,
                        Done done);
  void SetStock(absl::Time intended, int32_t restaurant, int32_t menu,
                int32_t on_hand, Done done);

  // Waits until nothing is in flight.
  void WaitForAnswers();

  int in_flight() const { return in_flight_.load(); }
  // Since the last call of this function, for the progress line.
  Tally TakeRecent();
  // Everything so far, by op.
  std::map<std::string, Tally> Totals();

 private:
  template <class Request, class Response>
  struct Exchange;
  template <class Request, class Response, class Start>
  void Send(Entry entry, Role role, Request request, Start start,
            std::function<void(const Response&, Entry&)> read, Done done);
  void Note(const Entry& entry);
  size_t NextChannel() { return next_channel_.fetch_add(1); }

  const Options options_;
  History& history_;
  const Tokens& tokens_;
  std::vector<std::unique_ptr<restaurant::order::v1::OrderService::Stub>>
      order_;
  std::vector<std::unique_ptr<restaurant::cook::v1::CookService::Stub>> cook_;
  std::vector<std::unique_ptr<restaurant::delivery::v1::DeliveryService::Stub>>
      delivery_;
  std::vector<std::unique_ptr<restaurant::mypage::v1::MypageService::Stub>>
      mypage_;
  std::atomic<size_t> next_channel_ = 0;
  std::atomic<int> in_flight_ = 0;

  platform::Mutex mutex_;
  platform::CondVar idle_;
  Tally recent_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Tally> totals_ ABSL_GUARDED_BY(mutex_);
};

// True if nobody can tell whether the request was carried out.
bool Indeterminate(const Entry& entry);

}  // namespace load
