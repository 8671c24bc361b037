// Read your own write: reads again until the view has caught up.
#pragma once

#include <atomic>
#include <functional>

#include "absl/status/statusor.h"

#include "platform/grpc/call.h"
#include "platform/thread/executor.h"

namespace mypage {

// Runs `read` on `executor` and finishes `call`: with OK once it returns true,
// with its status if that is an error. After false it is run again 20 ms later,
// for 2 s or until the caller's deadline; then the call fails with `ABORTED` /
// `VERSION_NOT_REACHED`. No thread waits meanwhile. `waiting` counts the calls
// that do; above a bound the next one is refused as an overload.
//
// `read` runs on one thread at a time and not after the call was finished.
// `executor` and `waiting` must outlive the call.
void ReadUntilReached(platform::Executor& executor, std::atomic<int>& waiting,
                      platform::rpc::Call* call,
                      std::function<absl::StatusOr<bool>()> read);

}  // namespace mypage
