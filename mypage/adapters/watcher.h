// One watching call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/server_callback.h"

#include "mypage/adapters/watch_messages.h"
#include "platform/auth/access.h"
#include "platform/grpc/call.h"
#include "platform/thread/mutex.h"

namespace mypage {

// A call that is told a state, newer states as they are offered, heartbeats
// meanwhile, and in the end why it ends.
//
// At most one message is on its way. What is offered meanwhile replaces what
// was offered before, so that a caller who reads slowly gets the newest state
// and nothing piles up. Thread-safe; offers that come in the wrong order, or
// after the end, do nothing. gRPC needs it until `done` is called.
class Watcher final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  struct Options {
    WatchInput input;
    // Who is told; somebody else's order is not there for him.
    platform::auth::Caller caller;
    absl::Duration heartbeat;
    absl::Duration max_age;
  };

  // `method` must be a literal, the RPC's name. `done` is called last of all,
  // on any thread.
  Watcher(grpc::CallbackServerContext* context, const char* method,
          Options options, std::function<void(Watcher*)> done);

  const WatchKey& key() const { return options_.input.key; }

  // A state to tell.
  void Offer(std::shared_ptr<const Publication> newest);
  // The state could not be read. Ends a call that has not begun.
  void Fail(const absl::Status& status);
  // Time has passed. `delayed`: changes cannot be seen at present.
  void Tick(absl::Time now, bool delayed);
  // Ends the call: with a last message that says `status` if it has begun, else
  // with `refusal`.
  void End(const absl::Status& status, const absl::Status& refusal);

 private:
  // What is to be done once the mutex is released.
  struct Step {
    enum { kNothing, kWrite, kWriteLast, kFinish } kind = kNothing;
    const grpc::ByteBuffer* message = nullptr;
    grpc::Status status;
  };
  Step Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Step Write(Encoded message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Step Finish(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Do(const Step& step);

  // Whether there is anything in the newest state for the caller.
  bool CanSee() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  grpc::CallbackServerContext* const context_;
  const Options options_;
  const std::function<void(Watcher*)> done_;
  const absl::Time expires_;

  platform::Mutex mutex_;
  platform::rpc::CallRecord record_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Publication> newest_ ABSL_GUARDED_BY(mutex_);
  uint64_t told_ ABSL_GUARDED_BY(mutex_) = 0;  // the generation
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  // The message that is on its way, and when the last one left.
  Encoded writing_ ABSL_GUARDED_BY(mutex_);
  absl::Time written_ ABSL_GUARDED_BY(mutex_);
};

// A watching call that ends before it begins: what its handler returns.
grpc::ServerWriteReactor<grpc::ByteBuffer>* RefuseWatch(
    grpc::CallbackServerContext* context, const char* method,
    const absl::Status& status);

}  // namespace mypage
