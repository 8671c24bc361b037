#include "platform/events/outbox_relay.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "platform/events/outbox_publish.h"
#include "platform/events/reconcile.h"
#include "platform/events/relay_session.h"
#include "platform/events/retention.h"
#include "platform/events/stream_info.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/pg/pool.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"
#include "platform/thread/mutex.h"
#include "platform/trace/trace_context.h"

namespace platform::events {
namespace {

failpoint::Point before_publish("relay.before_publish");
failpoint::Point before_mark("relay.before_mark");
failpoint::Point after_mark("relay.after_mark");

// The fallback for a commit that nobody told of, and how often a waiting
// replica tries to take over.
constexpr absl::Duration kPoll = absl::Seconds(1);
// Rounds are at least so far apart, so that under load one publishes many.
constexpr absl::Duration kPace = absl::Milliseconds(4);
// How often metrics are taken and the stream is looked at.
constexpr absl::Duration kWatchInterval = absl::Seconds(2);
constexpr absl::Duration kRetentionInterval = absl::Minutes(1);
constexpr absl::Duration kPublishTimeout = absl::Seconds(5);
// Between tries while the broker or the database is away.
constexpr absl::Duration kMinBackoff = absl::Milliseconds(200);
constexpr absl::Duration kMaxBackoff = absl::Seconds(2);
// Between tries of an event that the broker refuses.
constexpr absl::Duration kMinRefusedDelay = absl::Seconds(1);
constexpr absl::Duration kMaxRefusedDelay = absl::Minutes(1);
// Between two tries to repair the stream.
constexpr absl::Duration kRepairInterval = absl::Seconds(10);
// So many gaps are looked at.
constexpr size_t kMostGaps = 10'000;
// So many aggregates may be set aside; more of them is the broker's trouble.
constexpr size_t kMaxRefused = 10'000;

struct Metrics {
  prometheus::Gauge& depth = metrics::Gauge(
      "outbox_depth", "Events in the outbox that wait to be published.");
  prometheus::Gauge& oldest = metrics::Gauge(
      "outbox_oldest_seconds", "Age of the oldest event that waits.");
  prometheus::Counter& published = metrics::Counter(
      "outbox_published_total", "Events that the stream acknowledged.");
  prometheus::Counter& duplicates = metrics::Counter(
      "outbox_duplicates_total",
      "Events that the stream had already: their acknowledgement or their "
      "mark was lost.");
  prometheus::Counter& failures =
      metrics::Counter("outbox_publish_failures_total",
                       "Tries to publish an event that were not acknowledged.");
  prometheus::Gauge& refused =
      metrics::Gauge("outbox_refused",
                     "Aggregates whose next event the broker refuses to take.");
  prometheus::Gauge& active = metrics::Gauge(
      "relay_active", "1 in the replica that publishes the outbox.");
  prometheus::Gauge& reset = metrics::Gauge(
      "outbox_stream_reset",
      "1 if the stream lost messages and reconcile has not run since.");
  prometheus::Counter& repairs = metrics::Counter(
      "outbox_repairs_total", "Repairs of the stream that came to an end.");
};

// For a log line.
std::string Text(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ",
                      CauseOrMessageOf(status));
}

absl::string_view TraceOf(const OutMessage& message) {
  for (const auto& [name, value] : message.headers) {
    if (name == "traceparent") return TraceIdOf(value);
  }
  return "";
}

}  // namespace

class OutboxRelay::Impl {
 public:
  Impl(RelayOptions options, JetStream& jetstream)
      : options_(std::move(options)),
        jetstream_(jetstream),
        retention_(options_.keep_outbox, options_.keep_inbox),
        thread_([this] { Run(); }) {}

  ~Impl() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.SignalAll();
    wake_.Set();
    thread_.join();
    if (repair_.joinable()) repair_.join();
  }

  void Flush(absl::Duration timeout) {
    const absl::Time deadline = absl::Now() + timeout;
    MutexLock lock(mutex_);
    const int64_t wanted = ++flush_wanted_;
    wake_.Set();
    while (active_ && flush_done_ < wanted && absl::Now() < deadline) {
      changed_.WaitFor(mutex_, deadline - absl::Now());
    }
  }

 private:
  // What a round found.
  enum class Round { kMore, kEmpty, kBrokerAway };

  // An aggregate whose next event the broker refused.
  struct Refused {
    absl::Time retry;
    absl::Duration delay;
  };

  void Run();
  bool AwaitTurn(RelaySession& session);
  void Serve(RelaySession& session);
  Round PublishRound(RelaySession& session);
  absl::Status Settle(RelaySession& session, absl::Span<const OutboxRow> rows,
                      absl::Span<const absl::StatusOr<PublishAck>> acks);
  void WriteMarks(RelaySession& session) {
    if (!session.WriteMarks(options_.stream)) return;
    after_mark.Hit().IgnoreError();  // a crash here; an error means nothing
  }
  bool IsFull(absl::Span<const OutboxRow> rows) const {
    return rows.size() >= static_cast<size_t>(options_.batch);
  }
  void SetAside(const OutboxRow& row, const absl::Status& why);
  std::vector<std::string> SetAsideNow();
  void Watch(RelaySession& session);
  void WatchStream(RelaySession& session);
  // Why messages seem to be missing in the middle or at the beginning, or "".
  absl::string_view Lost(RelaySession& session, const StreamInfo& info);
  void RepairIfAskedTo();
  void Repair();
  void NoteBroker(const absl::Status& status);
  void NoteDatabase(const absl::Status& status);
  void NoteReset(absl::string_view why);
  void SetActive(bool active);
  bool stopping();
  void Sleep(absl::Duration duration);

  const RelayOptions options_;
  JetStream& jetstream_;
  const Retention retention_;
  Metrics metrics_;
  EventFd wake_;  // out of its waits, to stop or to flush

  // Of the thread alone.
  absl::flat_hash_map<std::string, Refused> refused_;
  uint64_t last_sequence_ = 0;  // the highest that the stream acknowledged
  bool reset_ = false;
  uint64_t gaps_seen_ = 0;
  absl::Time next_repair_ = absl::InfinitePast();
  bool broker_away_ = false;
  bool database_away_ = false;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool active_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t flush_wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t flush_done_ ABSL_GUARDED_BY(mutex_) = 0;

  std::atomic<bool> repairing_ = false;
  std::thread repair_;
  std::thread thread_;
};

void OutboxRelay::Impl::Run() {
  absl::Duration backoff = kMinBackoff;
  while (!stopping()) {
    absl::Status lost;
    try {
      RelaySession session(options_.dsn);
      NoteDatabase(absl::OkStatus());
      backoff = kMinBackoff;
      if (AwaitTurn(session)) Serve(session);
    } catch (...) {
      lost = pg::StatusOfCurrentException();
    }
    SetActive(false);
    if (lost.ok()) continue;
    NoteDatabase(lost);
    Sleep(backoff);
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
}

// Waits until this relay is to publish. What is committed here meanwhile is
// told to the one that does. False if the relay stops.
bool OutboxRelay::Impl::AwaitTurn(RelaySession& session) {
  absl::Time next_try = absl::InfinitePast();
  while (!stopping()) {
    const absl::Time now = absl::Now();
    if (now >= next_try) {
      if (session.TryLock()) return true;
      next_try = now + kPoll;
    }
    session.Wait({wake_.fd(), options_.committed->fd()}, next_try - now);
    wake_.Take();
    if (options_.committed->Take()) session.Notify();
    Sleep(now + kPace - absl::Now());
  }
  return false;
}

// Publishes until the relay stops; throws when the session ends.
void OutboxRelay::Impl::Serve(RelaySession& session) {
  session.Listen();
  SetActive(true);
  absl::Duration backoff = kMinBackoff;
  absl::Time next_watch = absl::InfinitePast();
  absl::Time next_retention = absl::InfinitePast();
  absl::Time round_began = absl::InfinitePast();
  while (!stopping()) {
    Sleep(round_began + kPace - absl::Now());
    round_began = absl::Now();
    const bool watch = round_began >= next_watch;
    // At once where they are compared with the stream: by Watch(), and by a
    // repair that is under way.
    if (watch || reset_ || round_began >= session.marks_due()) {
      WriteMarks(session);
    }
    if (watch) {
      Watch(session);
      next_watch = absl::Now() + kWatchInterval;
    }
    wake_.Take();
    options_.committed->Take();
    session.Notified();
    int64_t flush = 0;
    bool flushing = false;
    {
      MutexLock lock(mutex_);
      flush = flush_wanted_;
      flushing = flush > flush_done_;
    }
    const Round round = PublishRound(session);
    if (absl::Now() >= next_retention) {
      const bool more = session.Forget(retention_);
      next_retention =
          absl::Now() + (more ? absl::ZeroDuration() : kRetentionInterval);
    }
    switch (round) {
      case Round::kMore:
        backoff = kMinBackoff;
        break;
      case Round::kEmpty: {
        backoff = kMinBackoff;
        if (flushing) WriteMarks(session);
        {
          MutexLock lock(mutex_);
          flush_done_ = flush;
          changed_.SignalAll();
        }
        if (!session.Notified() && next_retention > absl::Now()) {
          session.Wait({wake_.fd(), options_.committed->fd()},
                       std::clamp(session.marks_due() - absl::Now(),
                                  absl::ZeroDuration(), kPoll));
        }
        break;
      }
      case Round::kBrokerAway:
        WriteMarks(session);
        Sleep(backoff);
        backoff = std::min(backoff * 2, kMaxBackoff);
        break;
    }
  }
  WriteMarks(session);
}

OutboxRelay::Impl::Round OutboxRelay::Impl::PublishRound(
    RelaySession& session) {
  if (!jetstream_.connected()) {
    NoteBroker(absl::UnavailableError("not connected"));
    return Round::kBrokerAway;
  }
  std::vector<OutboxRow> rows =
      session.Unpublished(options_.batch, options_.source, SetAsideNow());
  if (rows.empty()) return Round::kEmpty;
  if (planted::Is("relay_marks_first")) {
    std::vector<RelaySession::Mark> marks;
    marks.reserve(rows.size());
    for (const OutboxRow& row : rows) marks.push_back({row.event_id, 0});
    session.Acknowledged(marks);
    session.WriteMarks(options_.stream);
  }
  absl::Status broker = before_publish.Hit();
  if (broker.ok()) {
    const std::vector<absl::StatusOr<PublishAck>> acks =
        PublishInWaves(jetstream_, absl::MakeSpan(rows), kPublishTimeout);
    broker = before_mark.Hit();
    if (broker.ok()) broker = Settle(session, rows, acks);
  }
  NoteBroker(broker);
  if (!broker.ok()) return Round::kBrokerAway;
  return IsFull(rows) ? Round::kMore : Round::kEmpty;
}

// Takes note of what was acknowledged, and sets aside what was refused. Returns
// why the broker seems to be away, if it does.
absl::Status OutboxRelay::Impl::Settle(
    RelaySession& session, absl::Span<const OutboxRow> rows,
    absl::Span<const absl::StatusOr<PublishAck>> acks) {
  std::vector<RelaySession::Mark> marks;
  marks.reserve(rows.size());
  uint64_t lowest = UINT64_MAX;
  uint64_t highest = 0;
  absl::Status away;
  absl::Status refusal;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (acks[i].ok()) {
      marks.push_back({rows[i].event_id, acks[i]->sequence});
      highest = std::max(highest, acks[i]->sequence);
      if (acks[i]->duplicate) {
        metrics_.duplicates.Increment();
      } else {
        lowest = std::min(lowest, acks[i]->sequence);
      }
      if (!refused_.empty()) refused_.erase(rows[i].aggregate_id);
      continue;
    }
    if (absl::IsCancelled(acks[i].status())) continue;  // behind another
    metrics_.failures.Increment();
    if (IsRefusal(acks[i].status())) {
      refusal = acks[i].status();
      SetAside(rows[i], refusal);
    } else {
      away = acks[i].status();
    }
  }
  metrics_.refused.Set(static_cast<double>(refused_.size()));
  if (!marks.empty()) {
    session.Acknowledged(marks);
    metrics_.published.Increment(static_cast<double>(marks.size()));
    if (lowest <= last_sequence_ && !reset_) {
      session.Distrust(options_.stream);
      NoteReset("it acknowledged a sequence that it had given before");
    }
    if (!reset_) last_sequence_ = std::max(last_sequence_, highest);
  }
  // A whole round of refusals: more likely the broker's trouble than the
  // events'.
  if (marks.empty() && IsFull(rows) && away.ok()) away = refusal;
  return away;
}

// The event stays first of its aggregate; others go on without it.
void OutboxRelay::Impl::SetAside(const OutboxRow& row,
                                 const absl::Status& why) {
  const auto known = refused_.find(row.aggregate_id);
  if (known != refused_.end()) {
    Refused& refused = known->second;
    refused.delay = std::min(refused.delay * 2, kMaxRefusedDelay);
    refused.retry = absl::Now() + refused.delay;
    return;
  }
  if (refused_.size() >= kMaxRefused) return;
  refused_[row.aggregate_id] = {.retry = absl::Now() + kMinRefusedDelay,
                                .delay = kMinRefusedDelay};
  log::Error("the broker refuses an event; it waits and is tried again",
             {{"event_id", row.event_id},
              {log::AggregateKey(), row.aggregate_id},
              {"subject", row.message.subject},
              {"error", Text(why)},
              {"trace_id", TraceOf(row.message)}});
}

// The aggregates whose time to try again has not come.
std::vector<std::string> OutboxRelay::Impl::SetAsideNow() {
  std::vector<std::string> result;
  if (refused_.empty()) return result;
  const absl::Time now = absl::Now();
  // One that was not tried again since then is gone from the outbox.
  absl::erase_if(refused_, [now](const auto& entry) {
    return entry.second.retry + kMaxRefusedDelay < now;
  });
  for (const auto& [aggregate, refused] : refused_) {
    if (refused.retry > now) result.push_back(aggregate);
  }
  return result;
}

void OutboxRelay::Impl::Watch(RelaySession& session) {
  const RelaySession::Depth depth = session.UnpublishedDepth();
  metrics_.depth.Set(static_cast<double>(depth.events));
  metrics_.oldest.Set(depth.oldest_seconds);
  WatchStream(session);
  RepairIfAskedTo();
}

// Looks whether the stream still is what it was. The alarm lasts until
// reconcile has renewed what is remembered of the stream.
void OutboxRelay::Impl::WatchStream(RelaySession& session) {
  absl::StatusOr<StreamInfo> info = GetStreamInfo(jetstream_, options_.stream);
  if (!info.ok()) return;  // publishing says so
  const RelaySession::StreamMemory memory =
      session.Remember(options_.stream, info->created);
  if (!memory.same) {
    NoteReset("it is not the stream that it was");
    return;
  }
  if (info->last_sequence < memory.last_sequence) {
    // Unless reconcile published in between.
    info = GetStreamInfo(jetstream_, options_.stream);
    if (!info.ok()) return;
  }
  if (info->last_sequence < memory.last_sequence) {
    session.Distrust(options_.stream);
    NoteReset("its last sequence is below an acknowledged one");
    return;
  }
  if (const absl::string_view why = Lost(session, *info); !why.empty()) {
    session.Distrust(options_.stream);
    NoteReset(why);
    return;
  }
  if (reset_) log::Info("the stream was reconciled");
  reset_ = false;
  metrics_.reset.Set(0);
  last_sequence_ = memory.last_sequence;
}

absl::string_view OutboxRelay::Impl::Lost(RelaySession& session,
                                          const StreamInfo& info) {
  if (session.AnyBefore(info.first_sequence, info.keeps_since)) {
    return "its first events are gone before their time";
  }
  if (info.deleted == gaps_seen_) return "";
  // Costs more, so once for each new gap: is it of ours, and not repaired?
  const absl::StatusOr<std::vector<uint64_t>> gaps =
      DeletedSequences(jetstream_, options_.stream, kMostGaps);
  if (!gaps.ok()) return "";
  if (session.AnyAt(*gaps)) return "events in its middle are gone";
  gaps_seen_ = info.deleted;
  return "";
}

// One repair at a time, on a thread of its own: publishing goes on beside it.
void OutboxRelay::Impl::RepairIfAskedTo() {
  if (!options_.repair || !reset_ || repairing_ || absl::Now() < next_repair_) {
    return;
  }
  if (repair_.joinable()) repair_.join();
  next_repair_ = absl::Now() + kRepairInterval;
  repairing_ = true;
  repair_ = std::thread([this] {
    Repair();
    repairing_ = false;
    wake_.Set();
  });
}

void OutboxRelay::Impl::Repair() {
  log::Warning("repairing the stream", {{"stream", options_.stream}});
  const absl::Status repaired =
      Reconcile({.dsn = options_.dsn,
                 .stream = options_.stream,
                 .source = options_.source,
                 .consumer = absl::StrCat(options_.source, "-relay"),
                 .repair = true,
                 .say =
                     [](const std::string& line) {
                       log::Warning("reconcile", {{"report", line}});
                     },
                 .stop = [this] { return stopping(); }},
                jetstream_);
  if (repaired.ok()) {
    metrics_.repairs.Increment();
    next_repair_ = absl::Now() + kWatchInterval;
  } else {
    log::Error("the stream could not be repaired; it is tried again",
               {{"stream", options_.stream}, {"error", Text(repaired)}});
  }
}

void OutboxRelay::Impl::NoteReset(absl::string_view why) {
  metrics_.reset.Set(1);
  if (reset_) return;
  reset_ = true;
  log::Error("outbox_stream_reset: the stream lost events, run reconcile",
             {{"stream", options_.stream}, {"reason", why}});
}

void OutboxRelay::Impl::NoteBroker(const absl::Status& status) {
  if (status.ok() == !broker_away_) return;
  broker_away_ = !status.ok();
  if (broker_away_) {
    log::Warning("events wait in the outbox: the broker does not take them",
                 {{"stream", options_.stream}, {"error", Text(status)}});
  } else {
    log::Info("the broker takes events again", {{"stream", options_.stream}});
  }
}

void OutboxRelay::Impl::NoteDatabase(const absl::Status& status) {
  if (status.ok() == !database_away_) return;
  database_away_ = !status.ok();
  if (database_away_) {
    log::Warning("the relay lost its database session",
                 {{"error", Text(status)}});
  } else {
    log::Info("the relay has a database session again");
  }
}

void OutboxRelay::Impl::SetActive(bool active) {
  {
    MutexLock lock(mutex_);
    if (active_ == active) return;
    active_ = active;
    changed_.SignalAll();
  }
  metrics_.active.Set(active ? 1 : 0);
  if (active) {
    log::Info("this replica publishes the outbox now");
    return;
  }
  // Whoever is active says it; this one does not know.
  metrics_.depth.Set(0);
  metrics_.oldest.Set(0);
  metrics_.refused.Set(0);
  metrics_.reset.Set(0);
  refused_.clear();
  last_sequence_ = 0;
  gaps_seen_ = 0;
  reset_ = false;
}

bool OutboxRelay::Impl::stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

// Ends early when the relay stops.
void OutboxRelay::Impl::Sleep(absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  MutexLock lock(mutex_);
  while (!stopping_ && absl::Now() < end) {
    changed_.WaitFor(mutex_, end - absl::Now());
  }
}

OutboxRelay::OutboxRelay(RelayOptions options, JetStream& jetstream)
    : impl_(std::make_unique<Impl>(std::move(options), jetstream)) {}

OutboxRelay::~OutboxRelay() = default;

void OutboxRelay::Flush(absl::Duration timeout) { impl_->Flush(timeout); }

}  // namespace platform::events
