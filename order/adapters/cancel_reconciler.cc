#include "order/adapters/cancel_reconciler.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/blocking_counter.h"

#include "order/adapters/cancel_order.h"
#include "order/adapters/pg_order_store.h"
#include "order/app/use_cases.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"
#include "platform/trace/trace_context.h"

namespace order {
namespace {

namespace log = platform::log;

platform::failpoint::Point before_ask("order.reconciler_before_ask");
platform::failpoint::Point before_settle("order.reconciler_before_settle");

prometheus::Gauge& PendingGauge() {
  static prometheus::Gauge& gauge = platform::metrics::Gauge(
      "cancel_pending", "Orders whose cancel waits for the kitchen's answer");
  return gauge;
}

// Asks for all of `pending` at once and waits for the answers.
std::vector<CancelAttempt> AskAll(CookClient& cook,
                                  const std::vector<PendingCancel>& pending,
                                  Traces& traces) {
  std::vector<CancelAttempt> attempts(pending.size());
  absl::BlockingCounter waiting(static_cast<int>(pending.size()));
  for (size_t i = 0; i < pending.size(); ++i) {
    const OrderState& order = pending[i].order;
    const std::string traceparent =
        platform::ContinueTrace(pending[i].traceparent).Traceparent();
    traces[order.id] = traceparent;
    attempts[i] = {order.id, order.cancel_reason, order.cancel_by, {}};
    cook.CancelTicket({order, order.cancel_reason, order.cancel_by, traceparent,
                       absl::Now() + kKitchenTimeout},
                      [&attempts, &waiting, i](const KitchenAnswer& answer) {
                        attempts[i].answer = answer;
                        waiting.DecrementCount();
                      });
  }
  waiting.Wait();
  return attempts;
}

void LogAnswers(const std::vector<CancelAttempt>& answered,
                const Traces& traces, const absl::Status& stored) {
  for (const CancelAttempt& attempt : answered) {
    const bool cancelled =
        attempt.answer.kind == KitchenAnswer::Kind::kCancelled;
    log::Write(
        stored.ok() ? log::Level::kInfo : log::Level::kWarning,
        stored.ok() ? "the kitchen has answered a pending cancel"
                    : "the answer to a pending cancel could not be stored",
        {{"order_id", attempt.order_id},
         {"answer", cancelled ? "CANCELLED" : attempt.answer.reason},
         {"code", absl::StatusCodeToString(stored.code())},
         {"cause", platform::CauseOrMessageOf(stored)},
         {"trace_id", platform::TraceIdOf(traces.at(attempt.order_id))}});
  }
}

}  // namespace

CancelReconciler::CancelReconciler(platform::pg::Pool& pool, CookClient& cook,
                                   platform::Clock now,
                                   CancelReconcilerOptions options)
    : pool_(pool),
      cook_(cook),
      now_(std::move(now)),
      options_(options),
      rounds_([this] { return Round(); }) {}

absl::Duration CancelReconciler::Round() {
  int64_t pending = 0;
  absl::Status status = pool_.Read([&](pqxx::nontransaction& tx) {
    pending = CountPendingCancels(tx);
    return absl::OkStatus();
  });
  if (!status.ok()) return options_.poll;
  PendingGauge().Set(static_cast<double>(pending));
  if (pending == 0 || platform::planted::Is("pending_forgotten"))
    return options_.poll;

  std::vector<PendingCancel> claimed;
  status = pool_.InTransaction([&](pqxx::work& tx) {
    claimed = ClaimPendingCancels(tx, now_(), options_.batch);
    return absl::OkStatus();
  });
  if (status.ok()) status = before_ask.Hit();
  if (!status.ok() || claimed.empty()) return options_.poll;

  Traces traces;
  std::vector<CancelAttempt> definite;
  for (CancelAttempt& attempt : AskAll(cook_, claimed, traces)) {
    CountCancelOutcome(attempt.answer);
    // An order without an answer is due again by its claim.
    if (attempt.answer.kind != KitchenAnswer::Kind::kUnknown) {
      definite.push_back(std::move(attempt));
    }
  }
  if (!before_settle.Hit().ok()) return options_.poll;
  status = pool_.InTransaction([&](pqxx::work& tx) {
    PgOrderStore orders(tx, traces);
    return SettleCancels(orders, definite, now_()).status();
  });
  LogAnswers(definite, traces, status);
  log::Info("asked the kitchen again for pending cancels",
            {{"asked", claimed.size()}, {"answered", definite.size()}});
  const bool more = claimed.size() == static_cast<size_t>(options_.batch);
  return more ? absl::ZeroDuration() : options_.poll;
}

}  // namespace order
