#include "order/adapters/cancel_order.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "order/adapters/pg_order_store.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"
#include "platform/trace/trace_context.h"

namespace order {
namespace {

namespace log = platform::log;

platform::failpoint::Point before_call("order.cancel_before_call");
platform::failpoint::Point after_call("order.cancel_after_call");
platform::failpoint::Point after_settle("order.cancel_after_settle");

// What is left for the answer's way back.
constexpr absl::Duration kReserve = absl::Milliseconds(100);

prometheus::Counter& OutcomeCounter(const char* outcome) {
  return platform::metrics::Counter("cancel_outcomes_total",
                                    "What the kitchen said to cancels",
                                    {{"outcome", outcome}});
}

}  // namespace

void CountCancelOutcome(const KitchenAnswer& answer) {
  static prometheus::Counter& cancelled = OutcomeCounter("cancelled");
  static prometheus::Counter& refused = OutcomeCounter("refused");
  static prometheus::Counter& pending = OutcomeCounter("pending");
  switch (answer.kind) {
    case KitchenAnswer::Kind::kCancelled:
      return cancelled.Increment();
    case KitchenAnswer::Kind::kRefused:
      return refused.Increment();
    case KitchenAnswer::Kind::kUnknown:
      return pending.Increment();
  }
}

OrderCanceller::OrderCanceller(platform::Executor& executor,
                               platform::pg::Pool& pool, CookClient& cook,
                               platform::Clock now, int max_asking)
    : executor_(executor),
      pool_(pool),
      cook_(cook),
      now_(std::move(now)),
      max_asking_(max_asking) {}

OrderCanceller::~OrderCanceller() {
  platform::MutexLock lock(mutex_);
  while (asking_ > 0) idle_.Wait(mutex_);
}

void OrderCanceller::Cancel(Command command, const Done& done) {
  if (!BeginAsking()) {
    done(platform::Overloaded("the calls that wait for the kitchen"));
    return;
  }
  const absl::Time deadline = command.deadline;
  absl::Status submitted =
      executor_.Submit(platform::Priority::kUrgent, deadline,
                       [this, command = std::move(command),
                        done = done](const absl::Status& admitted) {
                         if (!admitted.ok()) {
                           done(admitted);
                           EndAsking();
                           return;
                         }
                         Ask(command, done);
                       });
  if (!submitted.ok()) {
    done(submitted);
    EndAsking();
  }
}

void OrderCanceller::Ask(const Command& command, const Done& done) {
  absl::StatusOr<OrderState> order = absl::UnknownError("");
  absl::Status read = pool_.Read([&](pqxx::nontransaction& tx) {
    order = FindOrder(tx, command.order_id);
    return absl::OkStatus();
  });
  if (read.ok()) read = before_call.Hit();
  if (!read.ok()) order = read;
  if (order.ok() && !command.may_cancel(*order)) {
    order = OrderNotFound(command.order_id);
  }
  if (!order.ok() || !NeedsKitchen(*order)) {
    done(order.ok() ? PresentState(*order) : order);
    EndAsking();
    return;
  }
  Command asked = command;
  // A pending cancel is the first one's, whoever asks again.
  if (order->status == OrderStatus::kCancelPending) {
    asked.reason = order->cancel_reason;
    asked.by = order->cancel_by;
  }
  const absl::Time deadline =
      std::min(absl::Now() + kKitchenTimeout, asked.deadline - kReserve);
  if (platform::planted::Is("cancel_told_early")) {
    OrderState told = *order;
    told.status = OrderStatus::kCancelled;
    done(told);
    cook_.CancelTicket(
        {*order, asked.reason, asked.by, asked.traceparent, deadline},
        [this](const KitchenAnswer& /*answer*/) { EndAsking(); });
    return;
  }
  cook_.CancelTicket(
      {*order, asked.reason, asked.by, asked.traceparent, deadline},
      [this, asked, done](const KitchenAnswer& answer) {
        executor_.Continue([this, asked, answer, done] {
          Settle(asked, answer, done);
          EndAsking();
        });
      });
}

void OrderCanceller::Settle(const Command& command, const KitchenAnswer& answer,
                            const Done& done) {
  CountCancelOutcome(answer);
  if (answer.kind == KitchenAnswer::Kind::kUnknown) {
    log::Warning("the kitchen gave no answer to a cancel",
                 {{"order_id", command.order_id},
                  {"code", answer.reason},
                  {"trace_id", platform::TraceIdOf(command.traceparent)}});
  }
  const CancelAttempt attempt{command.order_id, command.reason, command.by,
                              answer};
  absl::StatusOr<OrderState> told = absl::UnknownError("");
  // An error here: as if this process had died now.
  if (absl::Status s = after_call.Hit(); !s.ok()) return done(s);
  absl::Status settled = pool_.InTransaction([&](pqxx::work& tx) {
    PgOrderStore orders(tx, {{command.order_id, command.traceparent}});
    auto results =
        SettleCancels(orders, absl::MakeConstSpan(&attempt, 1), now_());
    if (!results.ok()) return results.status();
    told = std::move(results->front());
    return absl::OkStatus();
  });
  if (settled.ok()) settled = after_settle.Hit();
  // The kitchen was asked: it may have cancelled.
  done(settled.ok() ? std::move(told) : platform::InDoubt(settled));
}

bool OrderCanceller::BeginAsking() {
  platform::MutexLock lock(mutex_);
  if (asking_ >= max_asking_) return false;
  ++asking_;
  return true;
}

void OrderCanceller::EndAsking() {
  platform::MutexLock lock(mutex_);
  if (--asking_ == 0) idle_.SignalAll();
}

}  // namespace order
