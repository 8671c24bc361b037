// Read your own write: reads again until the view has caught up.
#pragma once

#include <atomic>
#include <functional>

#include "absl/status/statusor.h"

#include "platform/grpc/call.h"
#include "platform/thread/executor.h"

namespace mypage {

// How many calls may wait at once. Thread-safe.
class WaitingRoom {
 public:
  explicit WaitingRoom(int seats) : seats_(seats) {}
  // False if there is no room.
  bool Enter() {
    if (++inside_ <= seats_) return true;
    --inside_;
    return false;
  }
  void Leave() { --inside_; }

 private:
  const int seats_;
  std::atomic<int> inside_ = 0;
};

// Runs `read` on `executor` and finishes `call`: with OK once it returns true,
// with its status if that is an error. After false it is run again 20 ms later,
// for 2 s or until the caller's deadline; then the call fails with `ABORTED` /
// `VERSION_NOT_REACHED`. No thread waits meanwhile. If there is no room to wait
// the call is refused as an overload.
//
// `read` runs on one thread at a time and not after the call was finished.
// `executor` and `room` must outlive the call.
void ReadUntilReached(platform::Executor& executor, WaitingRoom& room,
                      platform::rpc::Call* call,
                      std::function<absl::StatusOr<bool>()> read);

}  // namespace mypage
