#include "platform/events/consumer.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"

#include "platform/events/dead_letters.h"
#include "platform/events/inbox.h"
#include "platform/events/input_faults.h"
#include "platform/events/wire.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"
#include "platform/thread/mutex.h"
#include "platform/trace/trace_context.h"

namespace platform::events {
namespace {

failpoint::Point before_apply("consumer.before_apply");
failpoint::Point before_ack("consumer.before_ack");
failpoint::Point before_put_on_disk("consumer.before_put_on_disk");
failpoint::Point before_park("consumer.before_park");
failpoint::Point after_park("consumer.after_park");

// How soon an idle consumer notices that it is to stop; not more often than a
// pull looks after its connection, or it would wake for nothing.
constexpr absl::Duration kPullWait = absl::Milliseconds(500);
constexpr absl::Duration kLookEvery = absl::Seconds(2);
constexpr absl::Duration kLongestRest = absl::Milliseconds(50);
constexpr absl::Duration kMissingPause = absl::Milliseconds(500);
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
// What is handed back while the database is away comes again after this.
constexpr absl::Duration kHandBack = absl::Seconds(1);
// Once so many events wait to be put on disk, they are: of a durable 2000 may
// be unacknowledged, by all replicas together.
constexpr size_t kManyUnwritten = 256;
// How often the broker is told that the rest of a hand is still being worked
// on; well below the durables' ack wait (30 s).
constexpr absl::Duration kTellEvery = absl::Seconds(5);

// How long an event that failed waits, by how often it was delivered.
absl::Duration RetryDelay(uint64_t delivered) {
  constexpr std::array kMillis = {200, 500, 1000, 2000, 5000, 10000, 30000};
  const size_t step =
      std::min<size_t>(delivered == 0 ? 0 : delivered - 1, kMillis.size() - 1);
  return absl::Milliseconds(kMillis[step]);
}

bool NeverAcceptable(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status);
}

bool NotTheEventsFault(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) ||
         absl::IsResourceExhausted(status);
}

// One event in hand.
struct Delivery {
  InMessage in;
  Message message;  // unless malformed
};

// Applied, and not known to be on disk.
struct Unwritten {
  std::string reply;
  std::string event_id;
};

}  // namespace

class Consumer::Impl {
 public:
  Impl(pg::Pool& pool, JetStream& jetstream, ConsumerOptions options,
       Handler handler)
      : pool_(pool),
        jetstream_(jetstream),
        options_(std::move(options)),
        handler_(std::move(handler)),
        labels_({{"durable", options_.durable}, {"stream", options_.stream}}),
        redelivered_(metrics::Counter(
            "consumer_redelivered_total",
            "Events that were delivered more than once.", labels_)),
        parked_(metrics::Counter("consumer_parked_total",
                                 "Events parked in dead_letters.", labels_)),
        lag_(metrics::Gauge("consumer_lag",
                            "Events in the stream that this durable has not "
                            "acknowledged.",
                            labels_)),
        missing_(metrics::Gauge("consumer_missing",
                                "1 while the durable does not exist.",
                                labels_)),
        seconds_(metrics::Seconds("consumer_batch_seconds",
                                  "Time to apply what was in hand.", labels_)),
        thread_([this] { Run(); }) {}

  ~Impl() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.SignalAll();
    }
    thread_.join();
  }

 private:
  bool Stopping() {
    MutexLock lock(mutex_);
    return stopping_;
  }

  void Sleep(absl::Duration duration) {
    const absl::Time end = absl::Now() + duration;
    MutexLock lock(mutex_);
    for (absl::Time now = absl::Now(); !stopping_ && now < end;
         now = absl::Now()) {
      wake_.WaitFor(mutex_, end - now);
    }
  }

  void Run() {
    std::unique_ptr<JetStream::Pull> pull;
    while (!Stopping()) {
      if (pull == nullptr) {
        auto bound = jetstream_.PullFrom(options_.stream, options_.durable);
        if (!bound.ok()) {
          Sleep(kMissingPause);
          continue;
        }
        pull = *std::move(bound);
      }
      Look();
      if (absl::Status written = AcknowledgeWritten(); !written.ok()) {
        Pause(written);
        continue;
      }
      absl::StatusOr<std::vector<InMessage>> hand = pull->Next(
          options_.max_batch,
          std::clamp(write_by_ - absl::Now(), absl::ZeroDuration(), kPullWait));
      if (absl::IsNotFound(hand.status())) {
        // Or the broker has only just started and does not know it yet: ask.
        look_again_ = absl::InfinitePast();
        Sleep(kMissingPause);
      }
      if (!hand.ok()) continue;
      std::vector<InMessage> passed = faults_.Pass(*std::move(hand));
      if (passed.empty()) continue;
      const bool behind =
          passed.size() >= static_cast<size_t>(options_.max_batch);
      const absl::Time start = absl::Now();
      Handle(std::move(passed));
      const absl::Duration took = absl::Now() - start;
      seconds_.Observe(absl::ToDoubleSeconds(took));
      // Rests as long as it worked, unless it is far behind: under load
      // requests get their turn, and one round applies many.
      if (!behind) Sleep(std::min(took, kLongestRest));
    }
    if (pull == nullptr) return;
    write_by_ = absl::InfinitePast();
    AcknowledgeWritten().IgnoreError();  // the broker delivers it again
    // What came meanwhile is for the other replicas, at once.
    for (const InMessage& in : pull->Cancel()) Answer(in.reply, "-NAK");
    for (const InMessage& in : faults_.TakeHeld()) Answer(in.reply, "-NAK");
    jetstream_.Flush(absl::Seconds(1));
  }

  void Handle(std::vector<InMessage> hand) {
    std::vector<Delivery> fresh;
    std::vector<Delivery> again;
    absl::Status paused;  // why nothing more can be applied for now
    for (InMessage& in : hand) {
      absl::StatusOr<Message> message = ParseMessage(in);
      if (message.ok()) {
        const bool first = in.delivered <= 1;
        if (!first) redelivered_.Increment();
        (first ? fresh : again).push_back({std::move(in), *std::move(message)});
      } else if (paused.ok()) {
        paused = ParkAndEnd(in, message.status().message());
      } else {
        GiveBack(in.reply);
      }
    }
    paused = paused.ok() ? ApplyTogether(fresh) : GiveBackAll(fresh, paused);
    paused = paused.ok() ? ApplyAgain(again) : GiveBackAll(again, paused);
    if (!paused.ok()) Pause(paused);
  }

  // These fail if nothing can be applied for now (the database is away, say);
  // the events are then given back.

  absl::Status ApplyTogether(std::vector<Delivery>& deliveries) {
    if (deliveries.empty()) return absl::OkStatus();
    std::vector<Message> messages;
    messages.reserve(deliveries.size());
    for (const Delivery& delivery : deliveries) {
      messages.push_back(delivery.message);
    }
    const absl::Time start = absl::Now();
    if (planted::Is("consumer_acks_first")) {
      for (const Delivery& delivery : deliveries) {
        Acknowledge(delivery.in.reply);
      }
    }
    const absl::Status status = Apply(messages);
    if (status.ok()) {
      for (const Delivery& delivery : deliveries) {
        Done(delivery, status, absl::Now() - start);
        Applied(delivery);
      }
      return absl::OkStatus();
    }
    if (deliveries.size() == 1) {
      return Settle(deliveries.front(), status, 0, absl::Now() - start);
    }
    // Also after a timeout: together they may just have been too much.
    for (size_t i = 0; i < deliveries.size(); ++i) {
      StillAtWork(absl::MakeConstSpan(deliveries).subspan(i));
      absl::Status paused = ApplyAlone(deliveries[i], 0);
      if (paused.ok()) paused = AcknowledgeWritten();
      if (paused.ok()) continue;
      for (++i; i < deliveries.size(); ++i) GiveBack(deliveries[i].in.reply);
      return paused;
    }
    return absl::OkStatus();
  }

  // Redelivered events: one of them may be what ended a process before. So
  // alone, and counted first.
  absl::Status ApplyAgain(std::vector<Delivery>& deliveries) {
    for (size_t i = 0; i < deliveries.size(); ++i) {
      const Delivery& delivery = deliveries[i];
      StillAtWork(absl::MakeConstSpan(deliveries).subspan(i));
      const absl::StatusOr<int> attempts =
          CountAttempt(pool_, options_.durable, delivery.message.event_id);
      absl::Status paused = attempts.status();
      if (paused.ok() && *attempts > options_.max_attempts) {
        paused = GiveUp(delivery);
      } else if (paused.ok()) {
        counted_.push_back(delivery.message.event_id);
        paused = ApplyAlone(delivery, *attempts);
        if (paused.ok()) counted_.clear();
        if (paused.ok()) paused = AcknowledgeWritten();
      } else {
        GiveBack(delivery.in.reply);
      }
      if (paused.ok()) continue;
      for (++i; i < deliveries.size(); ++i) GiveBack(deliveries[i].in.reply);
      return paused;
    }
    return absl::OkStatus();
  }

  absl::Status ApplyAlone(const Delivery& delivery, int attempts) {
    const absl::Time start = absl::Now();
    const absl::Status status = Apply({&delivery.message, 1});
    return Settle(delivery, status, attempts, absl::Now() - start);
  }

  // Parks what was begun too often without an end; unless it was applied, and
  // only its acks were lost.
  absl::Status GiveUp(const Delivery& delivery) {
    const Handler refuse = [this](pqxx::work&, absl::Span<const Message>) {
      return absl::FailedPreconditionError(
          absl::StrCat("gave up after ", options_.max_attempts,
                       " attempts that did not end"));
    };
    return Settle(
        delivery,
        ApplyOnce(pool_, options_.durable, {&delivery.message, 1}, refuse), 0,
        absl::ZeroDuration());
  }

  // One by one can take longer than the broker waits for an ack.
  void StillAtWork(absl::Span<const Delivery> rest) {
    const absl::Time now = absl::Now();
    if (now - told_ < kTellEvery) return;
    told_ = now;
    for (const Delivery& delivery : rest) Answer(delivery.in.reply, "+WPI");
  }

  absl::Status Apply(absl::Span<const Message> messages) {
    if (absl::Status s = before_apply.Hit(); !s.ok()) return s;
    return ApplyOnce(pool_, options_.durable, messages, handler_,
                     Lazy() ? Commit::kLazy : Commit::kDurable);
  }

  bool Lazy() const {
    // Without an inbox there is nothing to ask.
    return options_.acknowledge_every > absl::ZeroDuration() &&
           !planted::Is("inbox_skipped");
  }

  // Acknowledges, once it is on disk.
  void Applied(const Delivery& delivery) {
    if (!Lazy()) {
      Acknowledge(delivery.in.reply);
      return;
    }
    if (unwritten_.empty()) {
      write_by_ = absl::Now() + options_.acknowledge_every;
    }
    unwritten_.push_back({delivery.in.reply, delivery.message.event_id});
  }

  // If it is time: puts what was applied on disk and acknowledges it; gives
  // back what a crash has undone.
  absl::Status AcknowledgeWritten() {
    if (unwritten_.empty() ||
        (absl::Now() < write_by_ && unwritten_.size() < kManyUnwritten)) {
      return absl::OkStatus();
    }
    if (absl::Status s = before_put_on_disk.Hit(); !s.ok()) return s;
    std::vector<std::string> ids;
    ids.reserve(unwritten_.size());
    for (const Unwritten& each : unwritten_) ids.push_back(each.event_id);
    const auto written = PutOnDisk(pool_, options_.durable, ids);
    if (!written.ok()) return written.status();
    std::vector<std::string> undone;
    for (const Unwritten& each : unwritten_) {
      if (written->contains(each.event_id)) {
        Acknowledge(each.reply);
      } else {
        GiveBack(each.reply);
        undone.push_back(each.event_id);
      }
    }
    unwritten_.clear();
    write_by_ = absl::InfiniteFuture();
    if (undone.empty()) return absl::OkStatus();
    log::Warning("a crash of the database undid events: they come again",
                 {{"durable", options_.durable},
                  {"stream", options_.stream},
                  {"events", static_cast<int64_t>(undone.size())}});
    return TakeBackAttempts(pool_, options_.durable, undone);
  }

  // Answers the broker as `status` of one event alone asks for.
  absl::Status Settle(const Delivery& delivery, const absl::Status& status,
                      int attempts, absl::Duration took) {
    Done(delivery, status, took);
    if (status.ok()) {
      Applied(delivery);
      return absl::OkStatus();
    }
    if (planted::Is("consumer_swallows_errors")) {
      Acknowledge(delivery.in.reply);
      return absl::OkStatus();
    }
    if (NotTheEventsFault(status)) {
      GiveBack(delivery.in.reply);
      return status;
    }
    if (NeverAcceptable(status)) {
      return ParkAndEnd(delivery.in, status.message());
    }
    if (attempts >= options_.max_attempts) {
      return ParkAndEnd(delivery.in,
                        absl::StrCat("gave up after ", attempts,
                                     " attempts: ", status.ToString()));
    }
    NakAfter(delivery.in.reply, RetryDelay(delivery.in.delivered));
    return absl::OkStatus();
  }

  // Parks, *then* ends the delivery: the other way round a crash would lose it.
  absl::Status ParkAndEnd(const InMessage& in, absl::string_view reason) {
    const absl::string_view trace_id = TraceIdOf(in.Header("traceparent"));
    absl::Status parked = before_park.Hit();
    if (parked.ok()) {
      parked = Park(pool_, {.durable = options_.durable,
                            .stream = options_.stream,
                            .stream_sequence = in.stream_sequence,
                            .event_id = std::string(in.Header("ce-id")),
                            .subject = in.subject,
                            .headers = in.headers,
                            .payload = in.payload,
                            .reason = std::string(reason)});
    }
    if (!parked.ok()) {
      log::Warning("could not park an event",
                   {{"event_id", in.Header("ce-id")},
                    {log::AggregateKey(), in.Header("ce-subject")},
                    {"cause", CauseOrMessageOf(parked)},
                    {"trace_id", trace_id}});
      GiveBack(in.reply);
      return parked;
    }
    parked_.Increment();
    log::Error("event parked",
               {{"durable", options_.durable},
                {"subject", in.subject},
                {"event_id", in.Header("ce-id")},
                {log::AggregateKey(), in.Header("ce-subject")},
                {"stream_sequence", static_cast<int64_t>(in.stream_sequence)},
                {"reason", reason},
                {"trace_id", trace_id}});
    // An error here: the answer is lost.
    if (after_park.Hit().ok()) Answer(in.reply, "+TERM");
    return absl::OkStatus();
  }

  // Takes nothing for a while, nor until the database answers; then takes back
  // what was counted against events that were not at fault.
  void Pause(const absl::Status& why) {
    log::Warning("events paused", {{"durable", options_.durable},
                                   {"stream", options_.stream},
                                   {"cause", CauseOrMessageOf(why)}});
    absl::Duration pause = kFirstPause;
    while (!Stopping()) {
      Sleep(pause);
      if (pool_.Ping().ok() &&
          (counted_.empty() ||
           TakeBackAttempts(pool_, options_.durable, counted_).ok())) {
        counted_.clear();
        log::Info("events go on",
                  {{"durable", options_.durable}, {"stream", options_.stream}});
        return;
      }
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  void Answer(const std::string& reply, absl::string_view word) {
    // Lost answers mean a redelivery, which the inbox takes care of.
    jetstream_.Send(reply, word).IgnoreError();
  }
  void Acknowledge(const std::string& reply) {
    // An error here: the answer is lost.
    if (before_ack.Hit().ok()) Answer(reply, "+ACK");
  }
  void NakAfter(const std::string& reply, absl::Duration delay) {
    Answer(reply, absl::StrCat(R"(-NAK {"delay": )",
                               absl::ToInt64Nanoseconds(delay), "}"));
  }
  void GiveBack(const std::string& reply) { NakAfter(reply, kHandBack); }
  // Returns `why`.
  absl::Status GiveBackAll(const std::vector<Delivery>& deliveries,
                           const absl::Status& why) {
    for (const Delivery& delivery : deliveries) GiveBack(delivery.in.reply);
    return why;
  }

  void Done(const Delivery& delivery, const absl::Status& status,
            absl::Duration took) {
    CounterOf(status.code()).Increment();
    const Message& message = delivery.message;
    log::Write(status.ok() ? log::Level::kInfo : log::Level::kWarning, "event",
               {{"type", message.type},
                {"event_id", message.event_id},
                {log::AggregateKey(), message.aggregate_id},
                {"code", absl::StatusCodeToString(status.code())},
                {"cause", CauseOrMessageOf(status)},
                {"delivered", static_cast<int64_t>(delivery.in.delivered)},
                {"duration_ms", took},
                {"trace_id", TraceIdOf(message.traceparent)}});
  }

  prometheus::Counter& CounterOf(absl::StatusCode code) {
    prometheus::Counter*& counter =
        by_code_[static_cast<size_t>(code) % by_code_.size()];
    if (counter == nullptr) {
      metrics::Labels labels = labels_;
      labels["code"] = absl::StatusCodeToString(code);
      counter =
          &metrics::Counter("consumer_events_total", "Events handled.", labels);
    }
    return *counter;
  }

  // Every now and then: does the durable exist, and how far behind is it?
  void Look() {
    if (absl::Now() < look_again_) return;
    look_again_ = absl::Now() + kLookEvery;
    const absl::StatusOr<std::string> info = jetstream_.Api(
        absl::StrCat("CONSUMER.INFO.", options_.stream, ".", options_.durable),
        "", absl::Seconds(1));
    if (absl::IsNotFound(info.status())) SetMissing(true);
    if (!info.ok()) return;  // the broker is away: that is another alarm
    SetMissing(false);
    const nlohmann::json json =
        nlohmann::json::parse(*info, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return;
    lag_.Set(json.value("num_pending", 0.0) +
             json.value("num_ack_pending", 0.0));
  }

  void SetMissing(bool missing) {
    if (missing == is_missing_) return;
    is_missing_ = missing;
    missing_.Set(missing ? 1 : 0);
    if (missing) {
      log::Error("durable does not exist",
                 {{"durable", options_.durable}, {"stream", options_.stream}});
    } else {
      log::Info("durable is back",
                {{"durable", options_.durable}, {"stream", options_.stream}});
    }
  }

  pg::Pool& pool_;
  JetStream& jetstream_;
  const ConsumerOptions options_;
  const Handler handler_;
  const metrics::Labels labels_;
  prometheus::Counter& redelivered_;
  prometheus::Counter& parked_;
  prometheus::Gauge& lag_;
  prometheus::Gauge& missing_;
  prometheus::Histogram& seconds_;

  // The thread's own.
  InputFaults faults_;
  std::array<prometheus::Counter*, 17> by_code_{};
  absl::Time look_again_ = absl::InfinitePast();
  absl::Time told_ = absl::InfinitePast();
  bool is_missing_ = false;
  std::vector<std::string> counted_;
  std::vector<Unwritten> unwritten_;
  absl::Time write_by_ = absl::InfiniteFuture();  // while that is empty

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

Consumer::Consumer(pg::Pool& pool, JetStream& jetstream,
                   ConsumerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(pool, jetstream, std::move(options),
                                   std::move(handler))) {}

Consumer::~Consumer() = default;

}  // namespace platform::events
