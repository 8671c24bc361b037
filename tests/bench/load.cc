// A load client for scripts/bench.
//
// Closed loop (place, read): a number of callers, each with one call in flight;
// what the service can do. Open loop (lives): orders at a constant rate
// whatever the answers do, and for a sample of them the time from the answer
// until the kitchen's part is visible in mypage.
//
// Prints one JSON object on stdout.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"

#include "platform/auth/jwt.h"
#include "platform/thread/mutex.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"
#include "restaurant/order/v1/order_service.grpc.pb.h"

ABSL_FLAG(std::string, mode, "place", "place, read or lives");
ABSL_FLAG(std::string, order, "127.0.0.1:8081", "The order service.");
ABSL_FLAG(std::string, mypage, "127.0.0.1:8084", "The mypage service.");
ABSL_FLAG(int, callers, 64, "place, read: calls in flight.");
ABSL_FLAG(double, rate, 100, "lives: orders a second.");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(5), "How long to load.");
ABSL_FLAG(absl::Duration, warm_up, absl::Seconds(1),
          "place, read: Before that, calls that are not counted, nor their "
          "errors: a service checks each customer's token once, and at first "
          "all are new to it.");
ABSL_FLAG(std::string, ids, "", "read: a file with order ids, one a line.");
ABSL_FLAG(
    int, samples, 10,
    "lives: orders a second that are watched until the kitchen shows: not too "
    "many, they are load, too.");
ABSL_FLAG(int, customers, 1000, "place, lives: Spread over so many customers.");
ABSL_FLAG(std::string, auth_key, "",
          "File with the key that signs people's tokens (scripts/up makes it); "
          "without it callers bring none.");
ABSL_FLAG(int, items, 64, "Spread over so many menu items of restaurant 1.");

namespace {

using platform::Mutex;
using platform::MutexLock;

namespace order_v1 = ::restaurant::order::v1;
namespace mypage_v1 = ::restaurant::mypage::v1;

// One connection for all callers, as gRPC has it by default within a process,
// and at most 1024 calls in flight. Several connections take more CPU for each
// call, here and in the service: answers that leave together then do so in
// several packets.
std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  // A call is tried once: what failed is to be counted.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  auto channel = grpc::CreateCustomChannel(
      target, grpc::InsecureChannelCredentials(), arguments);
  channel->WaitForConnected(std::chrono::system_clock::now() +
                            std::chrono::seconds(10));
  return channel;
}

// Latencies and outcomes of one caller or of all. Not thread-safe.
struct Tally {
  std::vector<double> ms;
  std::map<int, int64_t> errors;

  void Add(const grpc::Status& status, absl::Duration took) {
    if (status.ok()) {
      ms.push_back(absl::ToDoubleMilliseconds(took));
    } else {
      ++errors[status.error_code()];
    }
  }
  void Merge(const Tally& other) {
    ms.insert(ms.end(), other.ms.begin(), other.ms.end());
    for (const auto& [code, count] : other.errors) errors[code] += count;
  }
};

double Percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(
      std::lround(p * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

nlohmann::json Summary(Tally& tally, absl::Duration elapsed) {
  nlohmann::json errors = nlohmann::json::object();
  for (const auto& [code, count] : tally.errors) {
    errors[std::to_string(code)] = count;
  }
  return {{"ok", tally.ms.size()},
          {"errors", errors},
          {"per_second", static_cast<double>(tally.ms.size()) /
                             absl::ToDoubleSeconds(elapsed)},
          {"p50_ms", Percentile(tally.ms, 0.50)},
          {"p95_ms", Percentile(tally.ms, 0.95)},
          {"p99_ms", Percentile(tally.ms, 0.99)}};
}

// Everybody's `authorization`, made before the load begins.
class Tokens {
 public:
  Tokens() {
    if (absl::GetFlag(FLAGS_auth_key).empty()) return;
    std::ifstream file(absl::GetFlag(FLAGS_auth_key));
    std::ostringstream key;
    key << file.rdbuf();
    operator_ = Sign(key.str(), "operator", "bench");
    for (int i = 1; i <= absl::GetFlag(FLAGS_customers); ++i) {
      customers_.push_back(Sign(key.str(), "customer", absl::StrCat(i)));
    }
  }

  void AddCustomer(grpc::ClientContext& context, int customer) const {
    if (customers_.empty()) return;
    context.AddMetadata("authorization",
                        customers_[static_cast<size_t>(customer - 1)]);
  }
  void AddOperator(grpc::ClientContext& context) const {
    if (!operator_.empty()) context.AddMetadata("authorization", operator_);
  }

 private:
  static std::string Sign(const std::string& key, const std::string& role,
                          const std::string& subject) {
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    const nlohmann::json claims = {{"iss", "restaurant"},
                                   {"aud", "restaurant"},
                                   {"sub", subject},
                                   {"role", role},
                                   {"exp", now + 3600}};
    const auto token = platform::auth::SignToken(key, "people", claims.dump());
    if (!token.ok()) {
      std::fprintf(stderr, "--auth_key: %s\n",
                   token.status().ToString().c_str());
      std::exit(2);
    }
    return "Bearer " + *token;
  }

  std::string operator_;
  std::vector<std::string> customers_;
};

const Tokens& AllTokens() {
  static const Tokens* const tokens = new Tokens;
  return *tokens;
}

order_v1::PlaceOrderRequest NextOrder(uint64_t number) {
  order_v1::PlaceOrderRequest request;
  request.set_customer_id(static_cast<int32_t>(
      1 + number % static_cast<uint64_t>(absl::GetFlag(FLAGS_customers))));
  request.set_restaurant_id(1);
  request.set_restaurant_menu_id(static_cast<int32_t>(
      1 + number % static_cast<uint64_t>(absl::GetFlag(FLAGS_items))));
  request.set_qty(1);
  return request;
}

// One caller of a closed loop: as soon as an answer is there, the next call.
template <class Request, class Response>
class Caller {
 public:
  using Start =
      std::function<void(grpc::ClientContext*, const Request*, Response*,
                         std::function<void(grpc::Status)>)>;

  // Calls that begin before `counted` are not counted.
  Caller(Start start, std::function<Request()> next, absl::Time counted,
         absl::Time end)
      : start_(std::move(start)),
        next_(std::move(next)),
        counted_(counted),
        end_(end) {}

  void Go() {
    begun_ = absl::Now();
    if (begun_ >= end_) {
      MutexLock lock(mutex_);
      done_ = true;
      finished_.SignalAll();
      return;
    }
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(absl::ToChronoTime(begun_ + absl::Seconds(5)));
    request_ = next_();
    start_(context_.get(), &request_, &response_,
           [this](const grpc::Status& status) {
             if (begun_ >= counted_) tally_.Add(status, absl::Now() - begun_);
             Go();
           });
  }

  const Tally& Wait() {
    MutexLock lock(mutex_);
    while (!done_) finished_.Wait(mutex_);
    return tally_;
  }

 private:
  const Start start_;
  const std::function<Request()> next_;
  const absl::Time counted_;
  const absl::Time end_;
  absl::Time begun_;
  std::unique_ptr<grpc::ClientContext> context_;
  Request request_;
  Response response_;
  Tally tally_;
  Mutex mutex_;
  platform::CondVar finished_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

template <class Request, class Response>
nlohmann::json ClosedLoop(
    const typename Caller<Request, Response>::Start& start,
    const std::function<Request()>& next) {
  const absl::Time begin = absl::Now() + absl::GetFlag(FLAGS_warm_up);
  const absl::Time end = begin + absl::GetFlag(FLAGS_duration);
  std::vector<std::unique_ptr<Caller<Request, Response>>> callers;
  callers.reserve(static_cast<size_t>(absl::GetFlag(FLAGS_callers)));
  for (int i = 0; i < absl::GetFlag(FLAGS_callers); ++i) {
    callers.push_back(
        std::make_unique<Caller<Request, Response>>(start, next, begin, end));
  }
  for (auto& caller : callers) caller->Go();
  Tally all;
  for (auto& caller : callers) all.Merge(caller->Wait());
  return Summary(all, absl::Now() - begin);
}

nlohmann::json Place() {
  using Request = order_v1::PlaceOrderRequest;
  using Response = order_v1::PlaceOrderResponse;
  const auto stub =
      order_v1::OrderService::NewStub(Connect(absl::GetFlag(FLAGS_order)));
  auto number = std::make_shared<std::atomic<uint64_t>>(std::random_device{}());
  return ClosedLoop<Request, Response>(
      [&](grpc::ClientContext* context, const Request* request,
          Response* response, std::function<void(grpc::Status)> done) {
        AllTokens().AddCustomer(*context, request->customer_id());
        stub->async()->PlaceOrder(context, request, response, std::move(done));
      },
      [number] { return NextOrder(number->fetch_add(1)); });
}

nlohmann::json Read() {
  using Request = mypage_v1::GetMypageRequest;
  using Response = mypage_v1::GetMypageResponse;
  std::vector<std::string> ids;
  std::ifstream file(absl::GetFlag(FLAGS_ids));
  for (std::string line; std::getline(file, line);) ids.push_back(line);
  if (ids.empty()) {
    std::fprintf(stderr, "--ids: no order ids\n");
    std::exit(2);
  }
  const auto stub =
      mypage_v1::MypageService::NewStub(Connect(absl::GetFlag(FLAGS_mypage)));
  auto number = std::make_shared<std::atomic<uint64_t>>(0);
  return ClosedLoop<Request, Response>(
      [&](grpc::ClientContext* context, const Request* request,
          Response* response, std::function<void(grpc::Status)> done) {
        AllTokens().AddOperator(*context);
        stub->async()->GetMypage(context, request, response, std::move(done));
      },
      [&ids, number] {
        Request request;
        request.set_order_id(ids[number->fetch_add(1) % ids.size()]);
        return request;
      });
}

// Watches sampled orders until the kitchen's part shows, ten seconds at most.
// A lag is taken for up to 5 ms longer than it was: mypage reads what is
// watched no more often.
class Follower {
 public:
  explicit Follower(std::unique_ptr<mypage_v1::MypageService::Stub> stub)
      : stub_(std::move(stub)) {}

  void Add(const std::string& order_id, absl::Time answered) {
    {
      MutexLock lock(mutex_);
      ++open_;
    }
    (new Watch(*this, order_id, answered))->Start();
  }

  // Waits for all; returns the lags in ms and how many were never seen.
  std::pair<std::vector<double>, int> Finish() {
    MutexLock lock(mutex_);
    while (open_ > 0) ended_.Wait(mutex_);
    return {std::move(lags_), unseen_};
  }

 private:
  // Deletes itself when it has ended.
  class Watch final
      : public grpc::ClientReadReactor<mypage_v1::WatchMypageResponse> {
   public:
    Watch(Follower& follower, const std::string& order_id, absl::Time answered)
        : follower_(follower), answered_(answered) {
      context_.set_deadline(absl::ToChronoTime(answered + absl::Seconds(10)));
      AllTokens().AddOperator(context_);
      request_.set_order_id(order_id);
    }

    void Start() {
      follower_.stub_->async()->WatchMypage(&context_, &request_, this);
      StartRead(&response_);
      StartCall();
    }

    void OnReadDone(bool ok) override {
      if (!ok) return;
      if (response_.mypage().cook_status() ==
          restaurant::cook::v1::TICKET_STATUS_UNSPECIFIED) {
        StartRead(&response_);
        return;
      }
      lag_ = absl::Now() - answered_;
      context_.TryCancel();
    }

    void OnDone(const grpc::Status& status) override {
      if (!lag_ && status.error_code() == grpc::StatusCode::NOT_FOUND) {
        // mypage has waited for the order and has not heard of it yet.
        (new Watch(follower_, request_.order_id(), answered_))->Start();
      } else {
        follower_.Ended(lag_);
      }
      delete this;
    }

   private:
    Follower& follower_;
    const absl::Time answered_;
    grpc::ClientContext context_;
    mypage_v1::WatchMypageRequest request_;
    mypage_v1::WatchMypageResponse response_;
    std::optional<absl::Duration> lag_;
  };

  void Ended(std::optional<absl::Duration> lag) {
    MutexLock lock(mutex_);
    if (lag) {
      lags_.push_back(absl::ToDoubleMilliseconds(*lag));
    } else {
      ++unseen_;
    }
    if (--open_ == 0) ended_.SignalAll();
  }

  const std::unique_ptr<mypage_v1::MypageService::Stub> stub_;
  Mutex mutex_;
  platform::CondVar ended_;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  int unseen_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<double> lags_ ABSL_GUARDED_BY(mutex_);
};

// One order of the open loop; deletes itself when it is answered.
struct Placed {
  grpc::ClientContext context;
  order_v1::PlaceOrderRequest request;
  order_v1::PlaceOrderResponse response;
};

nlohmann::json Lives() {
  const double rate = absl::GetFlag(FLAGS_rate);
  const auto total = static_cast<uint64_t>(
      rate * absl::ToDoubleSeconds(absl::GetFlag(FLAGS_duration)));
  const auto every =
      static_cast<uint64_t>(std::max(1.0, rate / absl::GetFlag(FLAGS_samples)));
  const auto order =
      order_v1::OrderService::NewStub(Connect(absl::GetFlag(FLAGS_order)));
  Follower follower(
      mypage_v1::MypageService::NewStub(Connect(absl::GetFlag(FLAGS_mypage))));
  Mutex mutex;
  platform::CondVar all_answered;
  Tally tally;
  uint64_t answered = 0;
  const uint64_t first = std::random_device{}();
  const absl::Time begin = absl::Now();
  for (uint64_t i = 0; i < total; ++i) {
    const absl::Time intended =
        begin + absl::Seconds(static_cast<double>(i) / rate);
    const absl::Time now = absl::Now();
    if (intended > now) absl::SleepFor(intended - now);
    auto* call = new Placed;
    call->context.set_deadline(
        absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
    call->request = NextOrder(first + i);
    AllTokens().AddCustomer(call->context, call->request.customer_id());
    order->async()->PlaceOrder(
        &call->context, &call->request, &call->response,
        [&, call, i, intended](const grpc::Status& status) {
          const absl::Time end = absl::Now();
          if (status.ok() && i % every == 0) {
            follower.Add(call->response.order().order_id(), end);
          }
          MutexLock lock(mutex);
          tally.Add(status, end - intended);
          if (++answered == total) all_answered.SignalAll();
          delete call;
        });
  }
  {
    MutexLock lock(mutex);
    while (answered < total) all_answered.Wait(mutex);
  }
  const absl::Duration elapsed = absl::Now() - begin;
  auto [lags, unseen] = follower.Finish();
  nlohmann::json result;
  {
    MutexLock lock(mutex);
    result = Summary(tally, elapsed);
  }
  result["offered_per_second"] = rate;
  result["samples"] = lags.size();
  result["unseen"] = unseen;
  result["lag_p50_ms"] = Percentile(lags, 0.50);
  result["lag_p99_ms"] = Percentile(lags, 0.99);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  AllTokens();
  const std::string mode = absl::GetFlag(FLAGS_mode);
  nlohmann::json result;
  if (mode == "place") {
    result = Place();
  } else if (mode == "read") {
    result = Read();
  } else if (mode == "lives") {
    result = Lives();
  } else {
    std::fprintf(stderr, "--mode: place, read or lives, not \"%s\"\n",
                 mode.c_str());
    return 2;
  }
  std::printf("%s\n", result.dump().c_str());
  return 0;
}
