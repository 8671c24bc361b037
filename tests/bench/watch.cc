// A thousand watchers of one customer's list, for scripts/bench: how long after
// a commit each of them knows.
//
// Applies events to mypage's database itself, as one more replica would, so
// that it knows when each was committed. A change counts for a watcher as soon
// as a message shows the order in that version or a later one: what is skipped
// is known all the same. The time is taken from before the transaction, so that
// its own time is in the figure.
//
// Prints one JSON object on stdout.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"

#include "platform/auth/jwt.h"
#include "platform/uuid/uuid.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"
#include "tests/integration/mypage/lives.h"
#include "tests/support/process.h"

ABSL_FLAG(std::string, mypage, "127.0.0.1:8084", "The mypage service.");
ABSL_FLAG(std::string, pg_dsn, "", "Its database.");
ABSL_FLAG(std::string, auth_key, "",
          "File with the key that signs people's tokens; without it watchers "
          "bring none.");
ABSL_FLAG(int, watchers, 1000, "How many watch.");
ABSL_FLAG(double, rate, 50, "Changes a second.");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(20), "For how long.");

namespace {

namespace v1 = ::restaurant::mypage::v1;

constexpr int kCustomer = 7;
// So many orders change in turn, fewer than a list shows.
constexpr size_t kLanes = 10;

// When each version of each order was about to be committed.
class Commits {
 public:
  void Add(const std::string& order_id, absl::Time at) {
    std::lock_guard lock(mutex_);
    commits_[order_id].push_back(at);
  }
  // Appends how old the versions behind `seen`, up to `version`, are.
  void Ages(const std::string& order_id, int seen, int version, absl::Time now,
            std::vector<float>& ages) {
    std::lock_guard lock(mutex_);
    const std::vector<absl::Time>& times = commits_[order_id];
    for (int i = seen; i < version; ++i) {
      ages.push_back(static_cast<float>(
          absl::ToDoubleMilliseconds(now - times[static_cast<size_t>(i)])));
    }
  }

 private:
  std::mutex mutex_;
  absl::flat_hash_map<std::string, std::vector<absl::Time>> commits_;
};

// One of the watchers.
class Watcher final : public grpc::ClientReadReactor<v1::WatchMypagesResponse> {
 public:
  Watcher(const std::shared_ptr<grpc::Channel>& channel,
          const std::string& token, Commits& commits)
      : stub_(v1::MypageService::NewStub(channel)), commits_(commits) {
    if (!token.empty()) context_.AddMetadata("authorization", token);
    v1::WatchMypagesRequest request;
    request.set_customer_id(kCustomer);
    stub_->async()->WatchMypages(&context_, &request, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const absl::Time now = absl::Now();
    ++messages_;
    for (const v1::Mypage& mypage : response_.changes().mypages()) {
      int& seen = seen_[mypage.order_id()];
      commits_.Ages(mypage.order_id(), seen, mypage.version(), now, ages_);
      seen = mypage.version();
    }
    {
      std::lock_guard lock(mutex_);
      begun_ = true;
    }
    changed_.notify_all();
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard lock(mutex_);
    if (status.error_code() != grpc::StatusCode::CANCELLED) failed_ = true;
    begun_ = done_ = true;
    changed_.notify_all();
  }

  // Waits for the first message. False if there was none.
  bool Begun() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return begun_; });
    return !done_;
  }
  // Ends it; then the rest may be asked.
  void Stop() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }
  const std::vector<float>& ages() const { return ages_; }
  size_t messages() const { return messages_; }
  bool failed() const { return failed_; }

 private:
  const std::unique_ptr<v1::MypageService::Stub> stub_;
  Commits& commits_;
  grpc::ClientContext context_;
  v1::WatchMypagesResponse response_;
  absl::flat_hash_map<std::string, int> seen_;
  std::vector<float> ages_;
  size_t messages_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool begun_ = false;
  bool done_ = false;
  bool failed_ = false;
};

// Commits one event after the other at the rate asked for; returns how many.
size_t Change(platform::pg::Pool& pool, Commits& commits) {
  const absl::Duration between = absl::Seconds(1) / absl::GetFlag(FLAGS_rate);
  const absl::Time end = absl::Now() + absl::GetFlag(FLAGS_duration);
  std::vector<std::vector<platform::events::Message>> lanes(kLanes);
  size_t changes = 0;
  for (absl::Time next = absl::Now(); next < end; next += between) {
    absl::SleepFor(next - absl::Now());
    auto& lane = lanes[changes++ % kLanes];
    if (lane.empty()) {
      lane = mypage::Life(platform::NewUuid(absl::Now()), 0, kCustomer);
      std::reverse(lane.begin(), lane.end());
    }
    commits.Add(lane.back().aggregate_id, absl::Now());
    const absl::Status applied = mypage::Apply(pool, {lane.back()});
    if (!applied.ok()) std::fprintf(stderr, "%s\n", applied.ToString().c_str());
    lane.pop_back();
  }
  return changes;
}

// What the customer says who it is; "" without a key.
std::string Token() {
  if (absl::GetFlag(FLAGS_auth_key).empty()) return "";
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  const nlohmann::json claims = {{"iss", "restaurant"},
                                 {"aud", "restaurant"},
                                 {"sub", std::to_string(kCustomer)},
                                 {"role", "customer"},
                                 {"nbf", now},
                                 {"exp", now + 3600}};
  const auto token = platform::auth::SignToken(
      test_support::ReadFile(absl::GetFlag(FLAGS_auth_key)), "people",
      claims.dump());
  if (!token.ok()) test_support::Die(token.status().ToString());
  return "Bearer " + *token;
}

double Percentile(std::vector<float>& values, double p) {
  if (values.empty()) return 0;
  const auto at =
      static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  platform::pg::Pool pool({.name = "bench",
                           .dsn = absl::GetFlag(FLAGS_pg_dsn),
                           .connections = 1,
                           .acquire_timeout = absl::Seconds(5),
                           .prepare = mypage::Prepare});
  const std::string token = Token();
  Commits commits;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < 10; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channels.push_back(grpc::CreateCustomChannel(
        absl::GetFlag(FLAGS_mypage), grpc::InsecureChannelCredentials(),
        arguments));
  }
  std::vector<std::unique_ptr<Watcher>> watchers;
  const absl::Time start = absl::Now();
  for (int i = 0; i < absl::GetFlag(FLAGS_watchers); ++i) {
    watchers.push_back(std::make_unique<Watcher>(
        channels[static_cast<size_t>(i) % channels.size()], token, commits));
  }
  size_t begun = 0;
  for (const auto& watcher : watchers) begun += watcher->Begun() ? 1 : 0;
  const absl::Duration opening = absl::Now() - start;

  const size_t changes = Change(pool, commits);
  absl::SleepFor(absl::Seconds(1));  // what is on its way
  std::vector<float> ages;
  size_t messages = 0;
  size_t failed = 0;
  for (const auto& watcher : watchers) {
    watcher->Stop();
    ages.insert(ages.end(), watcher->ages().begin(), watcher->ages().end());
    messages += watcher->messages();
    failed += watcher->failed() ? 1 : 0;
  }
  const nlohmann::json result = {
      {"watchers", begun},
      {"failed", failed},
      {"open_seconds", absl::ToDoubleSeconds(opening)},
      {"changes", changes},
      {"missed", changes * watchers.size() - ages.size()},
      {"messages", messages},
      {"p50_ms", Percentile(ages, 0.5)},
      {"p99_ms", Percentile(ages, 0.99)},
      {"max_ms", Percentile(ages, 1)}};
  std::printf("%s\n", result.dump().c_str());
  return 0;
}
