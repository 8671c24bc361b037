// A bounded executor: where gRPC's reactors hand over work that blocks.
//
// gRPC's callback API runs reactors on as many threads as there are cores, and
// one that blocks stops others (docs/adr/0004). Work that needs the database
// goes through here. The bound is the point: it is the bulkhead in front of the
// connection pool and the load shedder. What cannot be done in time is refused
// at once, and what matters more is done first.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "platform/thread/adaptive_limit.h"
#include "platform/thread/mutex.h"

namespace platform {

// What goes first when there is more to do than can be done: a class waits
// while there is anything in the one before it. But one turn in sixteen passes
// what is urgent by, so that no flood of it stops new work.
enum class Priority {
  kUrgent = 0,  // cancels and reads
  kNormal = 1,  // new work
  kLow = 2,     // operators' work
};

struct ExecutorOptions {
  std::string name = "executor";  // label of its metrics
  int threads = 4;                // > 0
  size_t queue_limit = 256;       // that may ever wait, per priority, > 0
};

// How many may wait follows how long they wait (AdaptiveLimit), for each
// priority by itself: what goes last is refused first. A standing queue of 0.5
// s (urgent) or 0.1 s (others) is one too many.
//
// Thread-safe. Metrics: executor_queue_depth, executor_queue_limit,
// executor_refused_total, executor_wait_seconds (by priority).
class Executor {
 public:
  // Called once, on a worker thread, with OK; or with `RESOURCE_EXHAUSTED` if
  // the deadline passed while it waited: then answer, and do nothing else.
  using Task = std::function<void(const absl::Status& admitted)>;

  explicit Executor(ExecutorOptions options);
  // Runs what is queued, then returns. Not while anybody is in Submit() or
  // Add().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Queues `task`. Refuses with `Overloaded()` if as many of its priority wait
  // as may, or if by the present rate it would start after `deadline`; `task`
  // is then never called.
  absl::Status Submit(Priority priority, absl::Time deadline, Task task);

  // Queues the rest of work that was admitted before; never refused, always
  // goes first. The caller bounds how much of it there can be.
  void Continue(std::function<void()> task);

  // Queues work of which the caller bounds how much there can be; never
  // refused. What matters more, or came before, goes first. How long it takes
  // says nothing about the time of others.
  void Add(Priority priority, std::function<void()> task);

  // True if something of `priority` waits at this moment.
  bool Waits(Priority priority);

 private:
  struct Item {
    absl::Time queued;
    absl::Time deadline;
    Task task;
    bool typical = true;  // its time counts
  };

  struct Metrics;

  // What a worker does next.
  struct Step {
    std::function<void()> run;
    bool typical = true;
  };

  // Wakes nobody.
  void Push(Priority priority, Item item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what goes first; nothing if all queues are empty.
  std::optional<Step> Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whose turn it is, if anybody waits.
  std::optional<size_t> Turn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Work();

  const ExecutorOptions options_;
  const std::unique_ptr<Metrics> metrics_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> continued_ ABSL_GUARDED_BY(mutex_);
  std::array<std::deque<Item>, 3> queues_ ABSL_GUARDED_BY(mutex_);
  int turn_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<AdaptiveLimit, 3> limits_ ABSL_GUARDED_BY(mutex_);
  // Moving average of how long a typical task takes.
  absl::Duration task_time_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  std::vector<std::thread> threads_;
};

}  // namespace platform
