#include "order/adapters/place_order_batcher.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"

namespace order {
namespace {

namespace log = platform::log;

platform::failpoint::Point before_commit("order.place_before_commit");
platform::failpoint::Point after_commit("order.place_after_commit");

struct Metrics {
  prometheus::Gauge& batch_size = platform::metrics::Gauge(
      "place_batch_size", "Orders in the latest group commit");
  prometheus::Counter& batches = platform::metrics::Counter(
      "place_batches_total", "Group commits of new orders");
  prometheus::Counter& orders = platform::metrics::Counter(
      "place_batched_orders_total", "New orders that went into group commits");
  prometheus::Gauge& queue_depth = platform::metrics::Gauge(
      "place_queue_depth", "New orders that wait for a group commit");
  prometheus::Gauge& queue_limit = platform::metrics::Gauge(
      "place_queue_limit", "New orders that may wait at present");
  prometheus::Counter& refused = platform::metrics::Counter(
      "place_refused_total", "New orders refused because too many wait");
};

Metrics& GetMetrics() {
  static auto* const metrics = new Metrics;
  return *metrics;
}

bool SameBody(const OrderState& a, const OrderState& b) {
  return a.customer_id == b.customer_id && a.restaurant_id == b.restaurant_id &&
         a.restaurant_menu_id == b.restaurant_menu_id && a.qty == b.qty;
}

// What a row that was not inserted is told, given who has its id or key.
absl::StatusOr<OrderState> AnswerOf(const PlacedOrder& row,
                                    const std::optional<OrderState>& found) {
  if (!found.has_value()) {
    return absl::InternalError(
        absl::StrCat("Order ", row.order.id, " was neither stored nor found."));
  }
  if (!SameBody(*found, row.order) && !platform::planted::Is("body_ignored")) {
    return platform::Error(absl::StatusCode::kAlreadyExists,
                           "IDEMPOTENCY_KEY_REUSED",
                           absl::StrCat("request_id was used before for order ",
                                        found->id, ", with another body."),
                           {{"order_id", found->id}});
  }
  return *found;
}

// Worth doing once more: the connection broke, maybe while it committed, or
// there was a deadlock.
bool Transient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status);
}

}  // namespace

PlaceOrderBatcher::PlaceOrderBatcher(platform::Executor& executor,
                                     platform::pg::Pool& pool,
                                     PlaceOrderBatcherOptions options)
    : executor_(executor),
      pool_(pool),
      options_(options),
      limit_({.least = std::min(options.queue_limit, options.max_batch),
              .most = options.queue_limit}) {
  GetMetrics();
}

PlaceOrderBatcher::~PlaceOrderBatcher() {
  platform::MutexLock lock(mutex_);
  while (tasks_ > 0) idle_.Wait(mutex_);
}

absl::Status PlaceOrderBatcher::Place(PlacedOrder placed, absl::Time deadline,
                                      Done done) {
  const size_t batch = MostInBatch();
  {
    platform::MutexLock lock(mutex_);
    if (!limit_.Admits(queue_.size()) || TooLate(deadline, batch)) {
      GetMetrics().refused.Increment();
      return platform::Overloaded("the queue of new orders");
    }
    queue_.push_back(
        {std::move(placed), absl::Now(), deadline, std::move(done)});
    // A task that is under way comes back for it.
    if (tasks_ == options_.at_once) return absl::OkStatus();
    ++tasks_;
  }
  AddTask();
  return absl::OkStatus();
}

size_t PlaceOrderBatcher::MostInBatch() {
  return executor_.Waits(platform::Priority::kUrgent)
             ? std::min(options_.max_batch_past_urgent, options_.max_batch)
             : options_.max_batch;
}

bool PlaceOrderBatcher::TooLate(absl::Time deadline, size_t batch) const {
  const absl::Time now = absl::Now();
  if (deadline <= now) return true;
  // With nothing in hand there is no pace to go by.
  if (tasks_ == 0) return false;
  const auto batches_ahead = static_cast<double>(queue_.size()) /
                             static_cast<double>(batch) / options_.at_once;
  return now + batch_time_ * (batches_ahead + 1) > deadline;
}

std::vector<PlaceOrderBatcher::Item> PlaceOrderBatcher::Take() {
  std::vector<Item> batch;
  const size_t most = MostInBatch();
  platform::MutexLock lock(mutex_);
  const size_t count = std::min(queue_.size(), most);
  if (count == 0) return batch;
  // The last one has waited the shortest.
  const absl::Time now = absl::Now();
  limit_.Begun(now - queue_[count - 1].queued, now);
  GetMetrics().queue_limit.Set(static_cast<double>(limit_.limit()));
  batch.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  GetMetrics().queue_depth.Set(static_cast<double>(queue_.size()));
  return batch;
}

void PlaceOrderBatcher::AddTask() {
  executor_.Add(platform::Priority::kNormal,
                [this, added = absl::Now()] { Work(added); });
}

void PlaceOrderBatcher::Work(absl::Time added) {
  Store(Take(), added);
  if (!EndTask()) AddTask();
}

bool PlaceOrderBatcher::EndTask() {
  platform::MutexLock lock(mutex_);
  if (!queue_.empty()) return false;
  if (--tasks_ == 0) idle_.SignalAll();
  return true;
}

void PlaceOrderBatcher::Store(std::vector<Item> batch, absl::Time added) {
  const absl::Time start = absl::Now();
  std::vector<Item*> in_time;
  for (Item& item : batch) {
    if (item.deadline > start) {
      in_time.push_back(&item);
    } else {
      GetMetrics().refused.Increment();
      item.done(platform::Overloaded("the queue of new orders"));
    }
  }
  if (in_time.empty()) return;
  // One order of locking for all: batches that share keys do not deadlock.
  // Stable: of two with one key, the first to come is stored.
  std::stable_sort(in_time.begin(), in_time.end(), [](Item* a, Item* b) {
    return std::tie(a->placed.order.customer_id, a->placed.request_id) <
           std::tie(b->placed.order.customer_id, b->placed.request_id);
  });
  std::vector<const PlacedOrder*> rows;
  rows.reserve(in_time.size());
  for (const Item* item : in_time) rows.push_back(&item->placed);

  Results results = Commit(rows);
  GetMetrics().batch_size.Set(static_cast<double>(rows.size()));
  GetMetrics().batches.Increment();
  GetMetrics().orders.Increment(static_cast<double>(rows.size()));
  {
    platform::MutexLock lock(mutex_);
    batch_time_ = batch_time_ * 0.9 + (absl::Now() - added) * 0.1;
  }
  for (size_t i = 0; i < in_time.size(); ++i) {
    in_time[i]->done(std::move(results[i]));
  }
}

PlaceOrderBatcher::Results PlaceOrderBatcher::Commit(
    absl::Span<const PlacedOrder* const> rows) {
  bool may_be_stored = false;
  absl::StatusOr<Results> together = CommitTogether(rows, may_be_stored);
  if (together.ok()) return *std::move(together);

  Results results;
  results.reserve(rows.size());
  if (rows.size() == 1 || Transient(together.status()) ||
      absl::IsResourceExhausted(together.status())) {
    results.assign(rows.size(), together.status());
    return results;
  }
  log::Warning("a batch of new orders failed, each is tried alone",
               {{"orders", rows.size()},
                {"code", absl::StatusCodeToString(together.status().code())}});
  for (size_t i = 0; i < rows.size(); ++i) {
    bool this_may_be_stored = may_be_stored;
    absl::StatusOr<Results> alone =
        CommitTogether(rows.subspan(i, 1), this_may_be_stored);
    if (alone.ok()) {
      results.push_back(std::move(alone->front()));
    } else {
      results.emplace_back(alone.status());
    }
  }
  return results;
}

absl::StatusOr<PlaceOrderBatcher::Results> PlaceOrderBatcher::CommitTogether(
    absl::Span<const PlacedOrder* const> rows, bool& may_be_stored) {
  size_t inserted = 0;
  std::vector<std::optional<OrderState>> found;
  const auto insert = [&](pqxx::nontransaction& tx) {
    if (absl::Status s = before_commit.Hit(); !s.ok()) return s;
    inserted = InsertPlaced(tx, rows);
    may_be_stored = true;
    if (absl::Status s = after_commit.Hit(); !s.ok()) return s;
    if (inserted < rows.size()) found = FindPlaced(tx, rows);
    return absl::OkStatus();
  };
  absl::Status status = pool_.Write(insert);
  // In doubt: done once more, on another connection. What the first attempt did
  // store is found under its own order ids.
  if (Transient(status)) {
    may_be_stored = may_be_stored || absl::IsUnavailable(status);
    status = pool_.Write(insert);
  }
  if (!status.ok()) return may_be_stored ? platform::InDoubt(status) : status;

  Results results;
  results.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (inserted == rows.size()) {
      results.emplace_back(rows[i]->order);
    } else {
      results.push_back(AnswerOf(*rows[i], found[i]));
    }
  }
  return results;
}

}  // namespace order
