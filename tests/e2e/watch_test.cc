// Watching through the gateway: server-sent events over HTTP, and the same
// streams over gRPC.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "httplib.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"
#include "tests/e2e/system.h"

namespace e2e {
namespace {

namespace v1 = ::restaurant::mypage::v1;
using Settings = std::map<std::string, std::string>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// What a browser calls an EventSource, on a thread of its own.
class EventSource {
 public:
  EventSource(const System& system, int customer, const std::string& path)
      : client_(system["GATEWAY_URL"]) {
    client_.set_default_headers(
        {system.As("customer", std::to_string(customer))});
    client_.set_read_timeout(60, 0);
    client_.set_url_encode(false);
    thread_ = std::thread([this, path] {
      const auto result = client_.Get(
          path,
          [this](const httplib::Response& response) {
            std::lock_guard lock(mutex_);
            type_ = response.get_header_value("content-type");
            return true;
          },
          [this](const char* data, size_t size) {
            Take(std::string(data, size));
            return !closed_;
          });
      std::lock_guard lock(mutex_);
      ended_ = true;
      status_ = result ? result->status : -1;
      changed_.notify_all();
    });
  }
  ~EventSource() {
    closed_ = true;
    client_.stop();
    thread_.join();
  }

  // The next event; null at the end of the stream or after 20 s.
  nlohmann::json Next() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20),
                      [this] { return !events_.empty() || ended_; });
    if (events_.empty()) return nullptr;
    nlohmann::json event = events_.front();
    events_.pop_front();
    return event;
  }
  // The next that is no heartbeat.
  nlohmann::json NextNews() {
    nlohmann::json event = Next();
    while (event.contains("heartbeat")) event = Next();
    return event;
  }
  std::string type() {
    std::lock_guard lock(mutex_);
    return type_;
  }

 private:
  void Take(const std::string& bytes) {
    std::lock_guard lock(mutex_);
    buffer_ += bytes;
    for (size_t end; (end = buffer_.find("\n\n")) != std::string::npos;) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      EXPECT_THAT(line, StartsWith("data: "));
      EXPECT_THAT(line, Not(HasSubstr("\n")));
      events_.push_back(nlohmann::json::parse(line.substr(6), nullptr,
                                              /*allow_exceptions=*/false));
    }
    changed_.notify_all();
  }

  httplib::Client client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string type_;
  std::string buffer_;
  std::deque<nlohmann::json> events_;
  bool ended_ = false;
  int status_ = 0;
  std::atomic<bool> closed_ = false;
  std::thread thread_;
};

// A list as a page keeps it: what it was told, and where it is.
class List {
 public:
  List(const System& system, int customer)
      : system_(system), customer_(customer) {}

  // Opens a stream, or another one where the last one ended.
  void Connect() {
    source_.reset();
    source_ = std::make_unique<EventSource>(
        system_, customer_,
        absl::StrCat("/mypages:watch?customer_id=", customer_,
                     "&resume_token=", token_));
  }
  // Takes events until `done`, and through ends of streams; false if it takes
  // too long.
  bool Until(const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (!done() && absl::Now() < end) {
      const nlohmann::json event = source_->Next();
      if (event.contains("changes")) {
        Take(event["changes"]);
      } else if (!event.contains("heartbeat")) {
        // Its end, or cut off, or refused while nobody is there.
        if (event.contains("end")) ends.push_back(event["end"]["error"]);
        absl::SleepFor(absl::Milliseconds(100));
        Connect();
      }
    }
    return done();
  }
  // Its version of an order, or 0.
  int Version(const std::string& order_id) const {
    const auto found = orders.find(order_id);
    return found == orders.end() ? 0 : found->second.value("version", 0);
  }

  std::map<std::string, nlohmann::json> orders;
  std::vector<nlohmann::json> ends;
  int wholes = 0;   // how often the whole list was sent
  int repeats = 0;  // views that brought nothing new

 private:
  void Take(const nlohmann::json& changes) {
    if (changes["complete"]) {
      ++wholes;
      orders.clear();
    }
    for (const nlohmann::json& view : changes["mypages"]) {
      const std::string id = view["order_id"];
      if (view["version"] <= Version(id)) ++repeats;
      orders[id] = view;
    }
    token_ = changes["resume_token"];
  }

  const System& system_;
  const int customer_;
  std::string token_;
  std::unique_ptr<EventSource> source_;
};

// Cooks and delivers what was ordered.
void Serve(const System& system, const std::string& order) {
  EXPECT_EQ(system.WaitFor(order, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  EXPECT_EQ(system.Post("/cooks/" + order + ":finish", "{}").status, 200);
  EXPECT_EQ(system.WaitFor(order, "delivery_status", "DELIVERY_STATUS_STARTED"),
            "DELIVERY_STATUS_STARTED");
  EXPECT_EQ(system.Post("/deliveries/" + order + ":complete", "{}").status,
            200);
}

TEST(WatchTest, ALifeIsShownAsItGoes) {
  const System system(Settings{{"MYPAGE_FLAGS", "--watch_heartbeat=1s"}});
  system.SetStock(1, 1, 50);
  const absl::Time start = absl::Now();

  // A customer without orders, over HTTP and over gRPC.
  EventSource list(system, 5, "/mypages:watch?customer_id=5");
  const nlohmann::json first = list.NextNews();
  EXPECT_EQ(first["changes"]["complete"], true) << first;
  EXPECT_THAT(first["changes"]["mypages"], IsEmpty());
  EXPECT_EQ(list.type(), "text/event-stream");
  grpc::ClientContext context;
  const auto who = system.As("customer", "5");
  context.AddMetadata(who.first, who.second);
  v1::WatchMypagesRequest request;
  request.set_customer_id(5);
  const std::string url = system["GATEWAY_URL"];
  auto stub = v1::MypageService::NewStub(
      grpc::CreateChannel(std::string(absl::StripPrefix(url, "http://")),
                          grpc::InsecureChannelCredentials()));
  auto stream = stub->WatchMypages(&context, request);
  v1::WatchMypagesResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.changes().complete());

  const std::string order = system.Place(5, 1, 1, 2);
  EventSource one(system, 5, absl::StrCat("/mypages/", order, ":watch"));
  EXPECT_EQ(one.NextNews()["mypage"]["order_id"], order);
  Serve(system, order);

  // Its six events; the last two may come in either order, from two streams.
  nlohmann::json view = {{"version", 0}};
  while (view["version"] < 6) {
    const nlohmann::json event = list.NextNews();
    ASSERT_TRUE(event.contains("changes")) << event;
    view = event["changes"]["mypages"][0];
    EXPECT_EQ(view["order_id"], order);
  }
  EXPECT_EQ(view["qty"], 2);
  EXPECT_EQ(view["order_status"], "ORDER_STATUS_COMPLETED");
  EXPECT_EQ(view["timeline"].size(), 6) << view;
  while (response.changes().mypages_size() == 0 ||
         response.changes().mypages(0).timeline_size() < 6) {
    ASSERT_TRUE(stream->Read(&response));
  }

  // The time-outs of other calls, up to 10 s, do not end a watch.
  while (absl::Now() - start < absl::Seconds(12)) {
    EXPECT_EQ(list.Next()["heartbeat"]["delayed"], false);
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_TRUE(response.has_heartbeat());
  }
  context.TryCancel();
}

TEST(WatchTest, WhatCannotBeginIsAnOrdinaryError) {
  const System system(Settings{{"MYPAGE_FLAGS", "--watch_limit=1"}});

  const Answer bad = system.Get("/mypages/1:watch");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.BadFields(), ElementsAre("order_id"));
  EXPECT_THAT(system.Get("/mypages:watch").BadFields(),
              ElementsAre("customer_id"));
  const Answer unknown =
      system.Get("/mypages/0197e3b0-0000-7000-8000-000000000001:watch");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.Reason(), "MYPAGE_NOT_FOUND");

  EventSource only(system, 5, "/mypages:watch?customer_id=5");
  EXPECT_TRUE(only.Next().contains("changes"));
  const Answer more = system.Get("/mypages:watch?customer_id=6");
  EXPECT_EQ(more.status, 429);
  EXPECT_EQ(more.Reason(), "OVERLOADED");
  EXPECT_NE(more.Header("retry-after"), "");
}

TEST(WatchTest, AWatchOutlivesRestartsByResuming) {
  const System system({{"COOK_FLAGS", "--auto_cook_after=10ms"},
                       {"DELIVERY_FLAGS", "--auto_deliver_after=10ms"},
                       {"MYPAGE_REPLICAS", "2"},
                       {"MYPAGE_FLAGS", "--watch_heartbeat=1s"}});
  system.SetStock(1, 1, 100);
  List list(system, 9);
  list.Connect();
  std::vector<std::string> placed;
  // Several orders, in every moment of their lives.
  const auto place = [&] {
    for (int i = 0; i < 3; ++i) placed.push_back(system.Place(9, 1, 1, 1));
  };
  // All six events of each, in whatever order they were applied.
  const auto all_completed = [&] {
    for (const std::string& order : placed) {
      if (list.Version(order) < 6) return false;
    }
    return true;
  };
  place();
  ASSERT_TRUE(list.Until(all_completed));

  // In good order, one replica after the other: it is told, and goes on.
  for (const char* replica : {"1", "2"}) {
    place();
    EXPECT_EQ(system.Script(absl::StrCat("stop mypage --replica ", replica))
                  .exit_code,
              0);
    place();
    EXPECT_TRUE(list.Until(all_completed));
    EXPECT_EQ(system.Script(absl::StrCat("start mypage --replica ", replica))
                  .exit_code,
              0);
  }
  EXPECT_FALSE(list.ends.empty());
  for (const nlohmann::json& error : list.ends) {
    EXPECT_EQ(error["details"][0]["reason"], "WATCH_DRAINING") << error;
  }

  // Both killed at once: nobody is there for a while.
  place();
  for (const char* replica : {"1", "2"}) {
    system.Script(absl::StrCat("stop mypage --kill --replica ", replica));
  }
  place();
  for (const char* replica : {"1", "2"}) {
    system.Script(absl::StrCat("start mypage --replica ", replica));
  }
  EXPECT_TRUE(list.Until(all_completed));

  EXPECT_EQ(list.wholes, 1);
  EXPECT_EQ(list.repeats, 0);
  for (const std::string& order : placed) {
    EXPECT_EQ(list.Version(order), 6);
    EXPECT_EQ(list.orders[order]["order_status"], "ORDER_STATUS_COMPLETED");
  }
}

}  // namespace
}  // namespace e2e
