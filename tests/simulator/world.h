// One simulated history: some orders, from their customers' taps to their ends,
// through the four services' own rules and a bus that loses, repeats, reorders
// and delays, with processes that die at any step.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "order/app/use_cases.h"
#include "tests/simulator/choices.h"
#include "tests/simulator/stores.h"

namespace simulator {

// Mistakes to be found: what the simulator is trusted for.
enum class Bug {
  kNone,
  kAckBeforeCommit,     // a consumer acknowledges, then commits
  kMarkBeforePublish,   // the relay marks, then publishes
  kSkipInbox,           // events are applied without being noted
  kSwallowErrors,       // a failed transaction is acknowledged
  kNoTombstone,         // a cancel of an unknown order leaves nothing behind
  kReturnTwice,         // a repeated cancel returns stock again
  kLastArrivalWins,     // a view is the latest of what arrived
  kForgetRequests,      // a repeated request is a new order
  kAnswerBeforeCommit,  // no answer of the kitchen is told as "cancelled"
  kForgetPending,       // nobody asks again for pending cancels
  kReuseMessageIds,     // reconcile publishes under the old message ids
  kKeepVersion,         // a change of an order does not raise its version
  kCookCancelled,       // a ticket that is cancelled can be finished
};
inline constexpr int kBugs = 14;
const char* Name(Bug bug);

struct Options {
  int orders = 3;  // that customers place
  Bug bug = Bug::kNone;
  bool tell = false;  // keep the story
};

struct Outcome {
  std::string violation;  // "" if every invariant held
  int orders = 0;         // that were placed
  int64_t steps = 0;
  int crashes = 0;
  int redeliveries = 0;
  std::vector<std::string> story;  // one line for each step, if asked for
};

// What mypage reads in an event.
mypage::Heard HeardOf(const Event& event);

// Runs one history.
Outcome Run(const Options& options, Choices& choices);

// The world while it runs.
class World {
 public:
  World(const Options& options, Choices& choices);
  Outcome Run();

 private:
  using Step = std::function<void()>;

  // What can go wrong. Which of these happen, and how often, is chosen once for
  // each history.
  enum Fault {
    kCrash,
    kLose,      // a delivery, until the broker repeats it
    kRepeat,    // a delivery
    kDelay,     // anything under way
    kLoseCall,  // request or answer of a call
    kLoseAck,   // of a publish or a delivery
    kDatabase,  // a transaction fails, or its answer is lost
    kWipe,      // a stream loses what it holds
    kFaults
  };

  struct Crash {
    Service service;
  };

  struct Timed {
    int64_t at;
    int64_t order;  // of those at one time
    Step step;
    bool operator>(const Timed& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };

  struct Stream {
    std::vector<const Event*> messages;
    std::set<std::pair<size_t, int>> ids;  // event, repair: the message ids
  };

  // A durable: one subscriber's place in one stream.
  struct Durable {
    Service subscriber = Service::kOrder;
    Service publisher = Service::kOrder;
    std::vector<char> acked{};            // by event number
    std::vector<const Event*> arrived{};  // in the subscriber's hands
    bool handling = false;
  };

  struct Life {
    int request = 0;
    order::Order::Wish wish;
    std::string order_id;            // once it was answered
    bool cancelled = false;          // was told so
    std::set<std::string> refusals;  // was told so
    int answers = 0;
  };

  // Chance and time.
  bool Happens(Fault fault);
  int64_t Latency();
  void At(int64_t delay, Step step);
  void In(Service service, int64_t delay, Step step);
  absl::Time Now() const { return absl::FromUnixMillis(1'000'000 + now_); }
  bool Up(Service service) const { return up_[static_cast<size_t>(service)]; }
  void Die(Service service);
  void Restart(Service service);
  void MayCrash(Service service);
  void Say(absl::FunctionRef<std::string()> line);
  void Violate(std::string what);

  Database& Db(Service service) {
    return databases_[static_cast<size_t>(service)];
  }
  absl::Status Transact(Service service,
                        absl::FunctionRef<absl::Status(Transaction&)> body);
  void AfterCommit(Service service);

  // Events.
  void WakeRelay(Service service, int64_t delay);
  void Relay(Service service);
  void Store(Service publisher, const Event& event, int repair);
  void Deliver(Durable& durable, const Event& event);
  void Take(Durable& durable);
  absl::Status ApplyOnce(Durable& durable, absl::Span<const Event* const> all);
  absl::Status Handle(Service subscriber, Transaction& tx,
                      absl::Span<const Event* const> events);
  void Acknowledge(Durable& durable, const Event& event);
  void Wipe(Service publisher);
  void Reconcile(Service publisher);

  // People.
  void Place(Life& life);
  void Cancel(Life& life);
  void Finish(const std::string& order_id);
  void CancelByOperator(const std::string& order_id);
  void Complete(const std::string& order_id);

  // The cancel path.
  using Answered = std::function<void(const order::KitchenAnswer&)>;
  void AskKitchen(const order::OrderState& order, const std::string& reason,
                  Answered answered);
  absl::StatusOr<order::OrderState> Settle(const order::CancelAttempt& attempt);
  void WakeReconciler(int64_t delay);
  void AskAgain();
  void Tell(Life& life, const absl::StatusOr<order::OrderState>& told);

  // The verdict.
  void Judge();
  void JudgeOrder(const order::OrderState& order);
  void JudgeCustomers();
  void JudgeStock();
  void JudgeEvents();
  void JudgeViews();

  const Options options_;
  Choices& choices_;
  std::array<uint32_t, kFaults> percent_{};
  std::vector<Timed> queue_;  // a heap
  int64_t now_ = 0;
  int64_t scheduled_ = 0;
  std::array<bool, kServices> up_{};
  std::array<int, kServices> epoch_{};
  std::array<bool, kServices> relay_awake_{};
  bool reconciler_awake_ = false;
  std::array<Database, kServices> databases_;
  std::array<Stream, kServices> streams_;
  std::deque<Durable> durables_;
  std::deque<Event> events_;
  std::deque<Life> lives_;
  int next_order_ = 0;
  int repairs_ = 0;
  std::map<cook::Item, int64_t> initial_;
  // What people have been told of; they act once.
  std::set<std::string> cooking_, delivering_;
  Outcome outcome_;
};

}  // namespace simulator
