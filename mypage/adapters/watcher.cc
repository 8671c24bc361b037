#include "mypage/adapters/watcher.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "grpcpp/server_context.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "platform/status/error.h"

namespace mypage {
namespace {

// How long an order that was not heard of is waited for.
constexpr absl::Duration kPatience = absl::Seconds(2);
// A caller who does not read for so long is given up.
constexpr absl::Duration kStuck = absl::Minutes(1);

absl::Time TokenEndOf(const platform::auth::Caller& caller) {
  return caller.anonymous() ? absl::InfiniteFuture() : caller.identity->until;
}

double Random(double from, double to) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>(from, to)(random);
}

}  // namespace

Watcher::Watcher(grpc::CallbackServerContext* context, const char* method,
                 Options options, std::function<void(Watcher*)> done)
    : context_(context),
      options_(std::move(options)),
      done_(std::move(done)),
      // Those who came together must not return together.
      expires_(std::min(absl::Now() + options_.max_age * Random(0.9, 1.1),
                        TokenEndOf(options_.caller))),
      record_(context, method),
      written_(absl::Now()) {
  record_.SetAggregateId(key().order_id);
}

void Watcher::Offer(std::shared_ptr<const Publication> newest) {
  Step step;
  {
    platform::MutexLock lock(mutex_);
    if (newest_ == nullptr ||
        newest_->state().generation() < newest->state().generation()) {
      newest_ = std::move(newest);
    }
    step = Next();
  }
  Do(step);
}

void Watcher::Fail(const absl::Status& status) {
  Step step;
  {
    platform::MutexLock lock(mutex_);
    if (!begun_ && newest_ == nullptr && !end_.has_value()) end_ = status;
    step = Next();
  }
  Do(step);
}

void Watcher::End(const absl::Status& status, const absl::Status& refusal) {
  Step step;
  {
    platform::MutexLock lock(mutex_);
    if (!end_.has_value()) end_ = begun_ ? status : refusal;
    step = Next();
  }
  Do(step);
}

void Watcher::Tick(absl::Time now, bool delayed) {
  Step step;
  {
    platform::MutexLock lock(mutex_);
    if (writing_ != nullptr) {
      // Makes the write fail; until then the context lives.
      if (now - written_ > kStuck) context_->TryCancel();
      return;
    }
    if (!end_.has_value()) {
      if (!begun_ && newest_ != nullptr && now - record_.start() > kPatience) {
        end_ = MypageNotFound(key().order_id);
      } else if (now > expires_) {
        end_ = platform::WithRetryAfter(
            platform::Error(absl::StatusCode::kAborted, "WATCH_EXPIRED",
                            "The watch has lasted long enough; resume it."),
            absl::ZeroDuration());
      }
    }
    step = Next();
    if (step.kind == Step::kNothing && begun_ && !finished_ &&
        now - written_ >= options_.heartbeat) {
      step = Write(EncodeHeartbeat(key(), delayed));
    }
  }
  Do(step);
}

Watcher::Step Watcher::Next() {
  if (finished_ || writing_ != nullptr) return {};
  if (cancelled_) return Finish(absl::CancelledError());
  if (end_.has_value()) return Finish(*end_);
  if (newest_ == nullptr) return {};
  const uint64_t generation = newest_->state().generation();
  if (generation <= told_) return {};
  if (!CanSee()) return {};
  const auto& have = options_.input.have;
  Encoded news =
      !begun_ && have.has_value() ? newest_->For(*have) : newest_->Since(told_);
  told_ = generation;
  if (news == nullptr) {
    if (begun_) return {};
    news = EncodeHeartbeat(key(), /*delayed=*/false);
  }
  begun_ = true;
  return Write(std::move(news));
}

bool Watcher::CanSee() const {
  if (key().is_list()) return true;
  const WatchState& state = newest_->state();
  return state.size() > 0 &&
         options_.caller.Is(state.view(0).header().customer_id);
}

Watcher::Step Watcher::Write(Encoded message) {
  writing_ = std::move(message);
  written_ = absl::Now();
  return {.kind = Step::kWrite, .message = writing_.get(), .status = {}};
}

Watcher::Step Watcher::Finish(const absl::Status& status) {
  finished_ = true;
  const bool with_words = begun_ && !cancelled_;
  if (with_words) writing_ = EncodeEnd(key(), status);
  return {.kind = with_words ? Step::kWriteLast : Step::kFinish,
          .message = writing_.get(),
          .status = record_.End(status)};
}

// Whoever has made the step is the only one to do it: the message stays until
// OnWriteDone(), and nobody makes a step after the last.
void Watcher::Do(const Step& step) {
  switch (step.kind) {
    case Step::kNothing:
      return;
    case Step::kWrite:
      return StartWrite(step.message);
    case Step::kWriteLast:
      return StartWriteAndFinish(step.message, grpc::WriteOptions(),
                                 step.status);
    case Step::kFinish:
      return grpc::ServerWriteReactor<grpc::ByteBuffer>::Finish(step.status);
  }
}

void Watcher::OnWriteDone(bool ok) {
  Step step;
  {
    platform::MutexLock lock(mutex_);
    writing_ = nullptr;
    if (!ok) cancelled_ = true;
    step = Next();
  }
  Do(step);
}

void Watcher::OnCancel() {
  Step step;
  {
    platform::MutexLock lock(mutex_);
    cancelled_ = true;
    step = Next();
  }
  Do(step);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* RefuseWatch(
    grpc::CallbackServerContext* context, const char* method,
    const absl::Status& status) {
  class Refused final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
    void OnDone() override { delete this; }
  };
  auto* const refused = new Refused;
  refused->Finish(platform::rpc::CallRecord(context, method).End(status));
  return refused;
}

void Watcher::OnDone() {
  {
    // The last message gets no OnWriteDone(). From here on the context may go.
    platform::MutexLock lock(mutex_);
    writing_ = nullptr;
  }
  // May delete this.
  const std::function<void(Watcher*)> done = done_;
  done(this);
}

}  // namespace mypage
