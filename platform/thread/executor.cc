#include "platform/thread/executor.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

#include "platform/metrics/metrics.h"
#include "platform/status/error.h"

namespace platform {
namespace {

constexpr const char* kPriorityNames[] = {"urgent", "normal", "low"};

// What matters most may wait longest before any of it is refused.
constexpr absl::Duration kLongestWaits[] = {
    absl::Milliseconds(500), absl::Milliseconds(100), absl::Milliseconds(100)};

// One in so many passes what is urgent by.
constexpr int kTurns = 16;

AdaptiveLimit LimitOf(const ExecutorOptions& options, Priority priority) {
  const absl::Duration longest = kLongestWaits[static_cast<size_t>(priority)];
  return AdaptiveLimit(
      {.least = std::min(options.queue_limit,
                         static_cast<size_t>(options.threads) * 2),
       .most = options.queue_limit,
       .target = longest,
       .interval = longest});
}

struct PriorityMetrics {
  prometheus::Gauge* depth;
  prometheus::Gauge* limit;
  prometheus::Counter* refused;
  prometheus::Histogram* wait;
};

PriorityMetrics MetricsOf(const std::string& executor, size_t priority) {
  const metrics::Labels labels = {{"executor", executor},
                                  {"priority", kPriorityNames[priority]}};
  return {
      .depth =
          &metrics::Gauge("executor_queue_depth", "Tasks waiting.", labels),
      .limit = &metrics::Gauge("executor_queue_limit",
                               "Tasks that may wait at present.", labels),
      .refused =
          &metrics::Counter("executor_refused_total",
                            "Tasks refused: queue full, or too late.", labels),
      .wait =
          &metrics::Seconds("executor_wait_seconds",
                            "How long tasks waited before they ran.", labels),
  };
}

}  // namespace

struct Executor::Metrics {
  explicit Metrics(const std::string& name)
      : by_priority{MetricsOf(name, 0), MetricsOf(name, 1),
                    MetricsOf(name, 2)} {}
  std::array<PriorityMetrics, 3> by_priority;
};

Executor::Executor(ExecutorOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<Metrics>(options_.name)),
      limits_{LimitOf(options_, Priority::kUrgent),
              LimitOf(options_, Priority::kNormal),
              LimitOf(options_, Priority::kLow)} {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

Executor::~Executor() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

absl::Status Executor::Submit(Priority priority, absl::Time deadline,
                              Task task) {
  const auto index = static_cast<size_t>(priority);
  const absl::Time now = absl::Now();
  bool admitted = false;
  {
    MutexLock lock(mutex_);
    size_t ahead = continued_.size();
    for (size_t i = 0; i <= index; ++i) ahead += queues_[i].size();
    const absl::Duration wait =
        task_time_ * static_cast<double>(ahead) / options_.threads;
    admitted =
        limits_[index].Admits(queues_[index].size()) && now + wait < deadline;
    if (admitted) Push(priority, {now, deadline, std::move(task)});
  }
  // Who wakes finds the mutex free.
  if (admitted) {
    wake_.Signal();
    return absl::OkStatus();
  }
  metrics_->by_priority[index].refused->Increment();
  return Overloaded(options_.name);
}

void Executor::Continue(std::function<void()> task) {
  MutexLock lock(mutex_);
  continued_.push_back(std::move(task));
  // With the mutex held: once the task has run, this may be destroyed.
  wake_.Signal();
}

void Executor::Add(Priority priority, std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    Push(priority,
         {.queued = absl::Now(),
          .deadline = absl::InfiniteFuture(),
          .task = [task = std::move(task)](const absl::Status&) { task(); },
          .typical = false});
  }
  wake_.Signal();
}

bool Executor::Waits(Priority priority) {
  MutexLock lock(mutex_);
  return !queues_[static_cast<size_t>(priority)].empty();
}

void Executor::Push(Priority priority, Item item) {
  const auto index = static_cast<size_t>(priority);
  queues_[index].push_back(std::move(item));
  metrics_->by_priority[index].depth->Set(
      static_cast<double>(queues_[index].size()));
}

std::optional<Executor::Step> Executor::Next() {
  if (!continued_.empty()) {
    Step step{.run = std::move(continued_.front())};
    continued_.pop_front();
    return step;
  }
  const std::optional<size_t> turn = Turn();
  if (!turn.has_value()) return std::nullopt;
  std::deque<Item>& queue = queues_[*turn];
  Item item = std::move(queue.front());
  queue.pop_front();
  const absl::Time now = absl::Now();
  const PriorityMetrics& metrics = metrics_->by_priority[*turn];
  metrics.depth->Set(static_cast<double>(queue.size()));
  metrics.wait->Observe(absl::ToDoubleSeconds(now - item.queued));
  limits_[*turn].Begun(now - item.queued, now);
  metrics.limit->Set(static_cast<double>(limits_[*turn].limit()));
  if (now < item.deadline) {
    return Step{
        .run = [task = std::move(item.task)] { task(absl::OkStatus()); },
        .typical = item.typical};
  }
  metrics.refused->Increment();
  return Step{
      .run = [this,
              task = std::move(item.task)] { task(Overloaded(options_.name)); },
      .typical = false};
}

std::optional<size_t> Executor::Turn() {
  turn_ = (turn_ + 1) % kTurns;
  if (turn_ == 0) {
    for (const Priority passed_by : {Priority::kNormal, Priority::kLow}) {
      const auto index = static_cast<size_t>(passed_by);
      if (!queues_[index].empty()) return index;
    }
  }
  for (size_t i = 0; i < queues_.size(); ++i) {
    if (!queues_[i].empty()) return i;
  }
  return std::nullopt;
}

void Executor::Work() {
  while (true) {
    Step step;
    {
      MutexLock lock(mutex_);
      std::optional<Step> next = Next();
      while (!next.has_value() && !stopping_) {
        wake_.Wait(mutex_);
        next = Next();
      }
      if (!next.has_value()) return;
      step = *std::move(next);
    }
    const absl::Time start = absl::Now();
    step.run();
    if (!step.typical) continue;
    MutexLock lock(mutex_);
    // The average follows the last ten or so.
    task_time_ += (absl::Now() - start - task_time_) / 10;
  }
}

}  // namespace platform
