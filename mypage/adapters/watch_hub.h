// All watching calls of this process, and the reads that they share.
//
// Whatever is watched is read once per change, however many watch it: one read
// at a time, a moment apart, and what it finds goes to all. A call that begins
// waits for a read that begins after it, so it never sees less than its caller
// has seen before, from whichever replica.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/support/server_callback.h"

#include "mypage/adapters/change_notice.h"
#include "mypage/adapters/watcher.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "platform/thread/mutex.h"

namespace mypage {

struct WatchOptions {
  int limit = 2000;                              // calls at once
  absl::Duration heartbeat = absl::Seconds(15);  // after silence
  absl::Duration max_age = absl::Hours(1);       // give or take a tenth
  // Between reads of a key, at least; longer if many watch it, so that they are
  // sent no more than so many messages a second together.
  absl::Duration breath = absl::Milliseconds(5);
  int messages_per_second = 10'000;
  // A key that was not read for so long is read again, in case a notice was
  // never sent, as by an older replica.
  absl::Duration refresh = absl::Seconds(15);
};

// Thread-safe. One thread of its own, which never blocks; reads are done by the
// executor. Metrics: watchers, watch_reads_total{code},
// watch_refused_total, watch_fanout_seconds.
class WatchHub {
 public:
  // Both must outlive the hub, and the hub the server of its calls. `pool` must
  // have been prepared with PrepareMypage().
  WatchHub(platform::Executor& executor, platform::pg::Pool& pool,
           WatchOptions options = {});
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  // Begins a watching call: what its handler returns. `method` must be a
  // literal. Refused as an overload if there are too many. Whether the caller
  // may watch a list is the handler's to check.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(
      grpc::CallbackServerContext* context, const char* method,
      platform::auth::Caller caller, WatchInput input);

  // Some views have changed.
  void Changed(const ChangeNotice& notice);
  // Whether changes are heard of at present; when they are again, everything is
  // read anew. Begins as false.
  void SetListening(bool listening);

  // Ends all calls, and refuses new ones: others will serve them.
  void Drain();

 private:
  struct Topic;
  struct Work;
  struct Metrics;
  // Of a read.
  struct Result {
    std::shared_ptr<Topic> topic;
    absl::StatusOr<std::vector<MypageView>> views;
    absl::Time changed;  // what was read for
    // Those who came before it began.
    std::vector<std::shared_ptr<Watcher>> audience;
  };

  // Refuses if there are too many, or at the end.
  absl::Status Add(const std::shared_ptr<Watcher>& watcher);
  void Remove(Watcher* watcher);
  void Run();
  // What is to be done now.
  Work Collect(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When there is something to do by itself.
  absl::Time NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkDirty(const std::shared_ptr<Topic>& topic, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartRead(const std::shared_ptr<Topic>& topic);
  void ReadDone(const std::shared_ptr<Topic>& topic,
                absl::StatusOr<std::vector<MypageView>> views);
  void Publish(Result result);
  void NoteReads(const absl::Status& status);

  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  const WatchOptions options_;
  const std::unique_ptr<Metrics> metrics_;

  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool listening_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<WatchKey, std::shared_ptr<Topic>> topics_ ABSL_GUARDED_BY(mutex_);
  // Those that are to be read and are not being read, in the order in which
  // they changed.
  std::deque<std::shared_ptr<Topic>> dirty_ ABSL_GUARDED_BY(mutex_);
  int watchers_ ABSL_GUARDED_BY(mutex_) = 0;
  int reading_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time next_tick_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // What was read and is to be told.
  std::vector<Result> results_ ABSL_GUARDED_BY(mutex_);
  bool reads_fail_ = false;  // the hub's thread only
  std::thread thread_;
};

}  // namespace mypage
