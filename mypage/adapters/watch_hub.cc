#include "mypage/adapters/watch_hub.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "absl/time/clock.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/status/error.h"

namespace mypage {
namespace {

platform::failpoint::Point after_read("mypage.after_watch_read");

// At most so many reads at once: half of the usual pool, so that a thousand
// lists that changed together do not stand in everybody's way.
constexpr int kReadsAtOnce = 4;
// A read that failed is tried again after so long.
constexpr absl::Duration kRetry = absl::Milliseconds(500);
// How long a read may wait for a thread.
constexpr absl::Duration kReadDeadline = absl::Seconds(5);

// What `key` names, newest order first.
absl::StatusOr<std::vector<MypageView>> ReadViews(platform::pg::Pool& pool,
                                                  const WatchKey& key) {
  std::vector<MypageView> views;
  const absl::Status read = pool.Read([&](pqxx::nontransaction& tx) {
    views.clear();
    if (key.is_list()) {
      auto list = ListMypages(tx, key.customer_id, std::nullopt, /*before=*/"",
                              key.page_size);
      if (!list.ok()) return list.status();
      views = *std::move(list);
      return absl::OkStatus();
    }
    auto view = FindMypage(tx, key.order_id);
    if (absl::IsNotFound(view.status())) return absl::OkStatus();
    if (!view.ok()) return view.status();
    views.push_back(*std::move(view));
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  if (absl::Status s = after_read.Hit(); !s.ok()) return s;
  return views;
}

absl::Status Draining(absl::StatusCode code) {
  // Spread, so that those who leave together do not arrive together.
  thread_local std::minstd_rand random{std::random_device{}()};
  return platform::WithRetryAfter(
      platform::Error(code, "WATCH_DRAINING",
                      "This server is stopping; resume the watch."),
      absl::Milliseconds(std::uniform_int_distribution<int>(0, 500)(random)));
}

}  // namespace

// What some watch. Guarded by the hub's mutex, except `newest`.
struct WatchHub::Topic {
  explicit Topic(WatchKey k) : key(std::move(k)) {}

  const WatchKey key;
  // Those who came since the last read began, and those before them.
  std::vector<std::shared_ptr<Watcher>> arriving;
  std::vector<std::shared_ptr<Watcher>> watching;
  bool dirty = false;    // to be read
  bool reading = false;  // is being read
  bool failed = false;   // the last read failed
  absl::Time changed;    // when it became dirty
  absl::Time read_for;   // `changed` of what is being read, or was last
  absl::Time not_before = absl::InfinitePast();  // the next read
  absl::Time last_read = absl::InfinitePast();
  // The hub's thread only.
  std::shared_ptr<const Publication> newest;
};

struct WatchHub::Work {
  std::vector<Result> results;
  std::vector<std::shared_ptr<Topic>> reads;
  struct Tick {
    std::shared_ptr<Watcher> watcher;
    bool delayed;
  };
  std::vector<Tick> ticks;

  bool empty() const {
    return results.empty() && reads.empty() && ticks.empty();
  }
};

struct WatchHub::Metrics {
  prometheus::Gauge& watchers =
      platform::metrics::Gauge("watchers", "Calls that watch.");
  prometheus::Counter& refused = platform::metrics::Counter(
      "watch_refused_total", "Watching calls refused: there were too many.");
  prometheus::Counter& reads = platform::metrics::Counter(
      "watch_reads_total", "Reads for those who watch.", {{"code", "OK"}});
  prometheus::Counter& failed_reads = platform::metrics::Counter(
      "watch_reads_total", "Reads for those who watch.", {{"code", "FAILED"}});
  prometheus::Histogram& fanout = platform::metrics::Seconds(
      "watch_fanout_seconds",
      "Time from the notice of a change until its watchers were told.");
};

WatchHub::WatchHub(platform::Executor& executor, platform::pg::Pool& pool,
                   WatchOptions options)
    : executor_(executor),
      pool_(pool),
      options_(options),
      metrics_(std::make_unique<Metrics>()),
      thread_([this] { Run(); }) {}

WatchHub::~WatchHub() {
  {
    platform::MutexLock lock(mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  thread_.join();
  // Reads that are in hand still tell us.
  platform::MutexLock lock(mutex_);
  while (reading_ > 0) wake_.Wait(mutex_);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchHub::Watch(
    grpc::CallbackServerContext* context, const char* method,
    platform::auth::Caller caller, WatchInput input) {
  auto watcher = std::make_shared<Watcher>(
      context, method,
      Watcher::Options{.input = std::move(input),
                       .caller = std::move(caller),
                       .heartbeat = options_.heartbeat,
                       .max_age = options_.max_age},
      [this](Watcher* done) { Remove(done); });
  if (absl::Status refused = Add(watcher); !refused.ok()) {
    return RefuseWatch(context, method, refused);
  }
  // It stays in its topic until gRPC is done with it.
  return watcher.get();
}

absl::Status WatchHub::Add(const std::shared_ptr<Watcher>& watcher) {
  platform::MutexLock lock(mutex_);
  if (draining_) return Draining(absl::StatusCode::kUnavailable);
  if (watchers_ >= options_.limit) {
    metrics_->refused.Increment();
    return platform::Overloaded("watchers");
  }
  const absl::Time now = absl::Now();
  if (watchers_ == 0) next_tick_ = now;
  metrics_->watchers.Set(++watchers_);
  std::shared_ptr<Topic>& topic = topics_[watcher->key()];
  if (topic == nullptr) topic = std::make_shared<Topic>(watcher->key());
  topic->arriving.push_back(watcher);
  MarkDirty(topic, now);
  wake_.Signal();
  return absl::OkStatus();
}

void WatchHub::Changed(const ChangeNotice& notice) {
  const absl::Time now = absl::Now();
  platform::MutexLock lock(mutex_);
  const size_t dirty = dirty_.size();
  if (notice.all) {
    for (const auto& [key, topic] : topics_) MarkDirty(topic, now);
  }
  for (const ChangeNotice::Change& change : notice.changes) {
    const auto one = topics_.find({.order_id = change.order_id});
    if (one != topics_.end()) MarkDirty(one->second, now);
    auto list = topics_.lower_bound(
        {.order_id = "", .customer_id = change.customer_id, .page_size = 0});
    for (; list != topics_.end() && list->first.is_list() &&
           list->first.customer_id == change.customer_id;
         ++list) {
      MarkDirty(list->second, now);
    }
  }
  // Most changes nobody watches.
  if (dirty_.size() > dirty) wake_.Signal();
}

void WatchHub::SetListening(bool listening) {
  const absl::Time now = absl::Now();
  platform::MutexLock lock(mutex_);
  listening_ = listening;
  if (!listening) return;
  for (const auto& [key, topic] : topics_) MarkDirty(topic, now);
  wake_.Signal();
}

void WatchHub::Drain() {
  std::vector<std::shared_ptr<Watcher>> all;
  {
    platform::MutexLock lock(mutex_);
    draining_ = true;
    for (const auto& [key, topic] : topics_) {
      all.insert(all.end(), topic->arriving.begin(), topic->arriving.end());
      all.insert(all.end(), topic->watching.begin(), topic->watching.end());
    }
  }
  for (const std::shared_ptr<Watcher>& each : all) {
    each->End(Draining(absl::StatusCode::kAborted),
              Draining(absl::StatusCode::kUnavailable));
  }
}

void WatchHub::MarkDirty(const std::shared_ptr<Topic>& topic, absl::Time now) {
  if (topic->dirty) return;
  topic->dirty = true;
  topic->changed = now;
  if (!topic->reading) dirty_.push_back(topic);
}

void WatchHub::Run() {
  while (true) {
    Work work;
    {
      platform::MutexLock lock(mutex_);
      while (!stopping_ && (work = Collect(absl::Now())).empty()) {
        const absl::Duration until = NextDue() - absl::Now();
        wake_.WaitFor(mutex_, std::min(until, absl::Hours(1)));
      }
      if (stopping_) return;
    }
    for (Result& result : work.results) Publish(std::move(result));
    for (const std::shared_ptr<Topic>& topic : work.reads) StartRead(topic);
    const absl::Time now = absl::Now();
    for (const Work::Tick& tick : work.ticks) {
      tick.watcher->Tick(now, tick.delayed);
    }
  }
}

WatchHub::Work WatchHub::Collect(absl::Time now) {
  Work work;
  work.results.swap(results_);
  // Before those who came meanwhile join them: they wait for the next read.
  for (Result& result : work.results) result.audience = result.topic->watching;
  if (watchers_ > 0 && now >= next_tick_) {
    next_tick_ = now + std::min(options_.heartbeat / 4, absl::Seconds(1));
    for (const auto& [key, topic] : topics_) {
      if (now - topic->last_read >= options_.refresh) MarkDirty(topic, now);
      const bool delayed = topic->failed || !listening_;
      for (const auto* list : {&topic->arriving, &topic->watching}) {
        for (const std::shared_ptr<Watcher>& watcher : *list) {
          work.ticks.push_back({watcher, delayed});
        }
      }
    }
  }
  for (auto next = dirty_.begin();
       next != dirty_.end() && reading_ < kReadsAtOnce;) {
    const std::shared_ptr<Topic> topic = *next;
    if (topic->not_before > now) {
      ++next;
      continue;
    }
    next = dirty_.erase(next);
    topic->dirty = false;
    topic->watching.insert(topic->watching.end(), topic->arriving.begin(),
                           topic->arriving.end());
    topic->arriving.clear();
    if (topic->watching.empty()) continue;  // all have gone
    ++reading_;
    topic->reading = true;
    topic->read_for = topic->changed;
    topic->last_read = now;
    topic->not_before =
        now + std::max(options_.breath, absl::Seconds(1) /
                                            options_.messages_per_second *
                                            topic->watching.size());
    work.reads.push_back(topic);
  }
  return work;
}

absl::Time WatchHub::NextDue() const {
  absl::Time due = watchers_ > 0 ? next_tick_ : absl::InfiniteFuture();
  if (reading_ >= kReadsAtOnce) return due;
  for (const std::shared_ptr<Topic>& topic : dirty_) {
    due = std::min(due, topic->not_before);
  }
  return due;
}

void WatchHub::StartRead(const std::shared_ptr<Topic>& topic) {
  const absl::Status submitted = executor_.Submit(
      platform::Priority::kUrgent, absl::Now() + kReadDeadline,
      [this, topic](const absl::Status& admitted) {
        ReadDone(topic,
                 admitted.ok() ? ReadViews(pool_, topic->key) : admitted);
      });
  if (!submitted.ok()) ReadDone(topic, submitted);
}

void WatchHub::ReadDone(const std::shared_ptr<Topic>& topic,
                        absl::StatusOr<std::vector<MypageView>> views) {
  (views.ok() ? metrics_->reads : metrics_->failed_reads).Increment();
  platform::MutexLock lock(mutex_);
  --reading_;
  topic->reading = false;
  topic->failed = !views.ok();
  if (topic->failed) {
    topic->not_before = absl::Now() + kRetry;
    topic->dirty = true;
    topic->changed = topic->read_for;
  }
  if (topic->dirty) dirty_.push_back(topic);
  results_.push_back({.topic = topic,
                      .views = std::move(views),
                      .changed = topic->read_for,
                      .audience = {}});
  wake_.SignalAll();
}

void WatchHub::Publish(Result result) {
  Topic& topic = *result.topic;
  const absl::Status read = result.views.status();
  NoteReads(read);
  bool news = false;
  if (read.ok() && topic.newest == nullptr) {
    topic.newest = std::make_shared<Publication>(
        topic.key, WatchState(static_cast<size_t>(topic.key.page_size),
                              *std::move(result.views)));
  } else if (read.ok()) {
    WatchState next(topic.newest->state(), *std::move(result.views));
    news = next.generation() != topic.newest->state().generation();
    if (news) {
      topic.newest = std::make_shared<Publication>(topic.key, std::move(next));
    }
  }
  for (const std::shared_ptr<Watcher>& watcher : result.audience) {
    if (read.ok()) {
      watcher->Offer(topic.newest);
    } else {
      watcher->Fail(read);
    }
  }
  if (news) {
    metrics_->fanout.Observe(
        absl::ToDoubleSeconds(absl::Now() - result.changed));
  }
}

void WatchHub::NoteReads(const absl::Status& status) {
  if (status.ok() == !reads_fail_) return;
  reads_fail_ = !status.ok();
  if (reads_fail_) {
    platform::log::Warning("watchers wait: views cannot be read",
                           {{"error", status.ToString()}});
  } else {
    platform::log::Info("views can be read again for watchers");
  }
}

void WatchHub::Remove(Watcher* watcher) {
  platform::MutexLock lock(mutex_);
  metrics_->watchers.Set(--watchers_);
  const auto found = topics_.find(watcher->key());
  if (found == topics_.end()) return;
  Topic& topic = *found->second;
  for (auto* list : {&topic.arriving, &topic.watching}) {
    const auto at =
        std::find_if(list->begin(), list->end(),
                     [&](const auto& each) { return each.get() == watcher; });
    if (at != list->end()) list->erase(at);
  }
  if (topic.arriving.empty() && topic.watching.empty()) topics_.erase(found);
}

}  // namespace mypage
