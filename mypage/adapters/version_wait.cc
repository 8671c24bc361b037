#include "mypage/adapters/version_wait.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"

#include "platform/status/error.h"

namespace mypage {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(2);
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

absl::Status NotReached() {
  return platform::WithRetryAfter(
      platform::Error(absl::StatusCode::kAborted, "VERSION_NOT_REACHED",
                      "The page has not seen this version of the order yet; "
                      "please look again in a moment."),
      absl::Seconds(1));
}

// One call that waits. Deletes itself when the call was finished.
class Wait {
 public:
  Wait(platform::Executor& executor, WaitingRoom& room,
       platform::rpc::Call* call, std::function<absl::StatusOr<bool>()> read)
      : executor_(executor),
        room_(room),
        call_(call),
        read_(std::move(read)),
        give_up_(std::min(absl::Now() + kLongestWait, call->deadline())) {}
  ~Wait() {
    if (inside_) room_.Leave();
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  void Start() {
    const absl::Status submitted =
        executor_.Submit(platform::Priority::kUrgent, call_->deadline(),
                         [this](const absl::Status& admitted) {
                           admitted.ok() ? Try() : Finish(admitted);
                         });
    if (!submitted.ok()) Finish(submitted);
  }

 private:
  void Try() {
    if (call_->cancelled()) return Finish(absl::CancelledError());
    const absl::StatusOr<bool> reached = read_();
    if (!reached.ok()) return Finish(reached.status());
    if (*reached) return Finish(absl::OkStatus());
    if (absl::Now() + kLookAgain >= give_up_) return Finish(NotReached());
    if (!inside_) {
      inside_ = room_.Enter();
      if (!inside_) {
        return Finish(platform::Overloaded("reads that wait for a version"));
      }
    }
    // A new alarm each time: the last one may still be returning from the
    // callback that queued us.
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(
        absl::ToChronoTime(absl::Now() + kLookAgain),
        [this](bool /*fired*/) { executor_.Continue([this] { Try(); }); });
  }

  void Finish(const absl::Status& status) {
    platform::rpc::Call* const call = call_;
    delete this;
    call->Finish(status);
  }

  platform::Executor& executor_;
  WaitingRoom& room_;
  platform::rpc::Call* const call_;
  const std::function<absl::StatusOr<bool>()> read_;
  const absl::Time give_up_;
  bool inside_ = false;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

void ReadUntilReached(platform::Executor& executor, WaitingRoom& room,
                      platform::rpc::Call* call,
                      std::function<absl::StatusOr<bool>()> read) {
  (new Wait(executor, room, call, std::move(read)))->Start();
}

}  // namespace mypage
