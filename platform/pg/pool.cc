#include "platform/pg/pool.h"

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/status/error.h"

namespace platform::pg {
namespace {

failpoint::Point before_commit("pg.before_commit");
failpoint::Point after_commit("pg.after_commit");

// After a failed connect nobody tries again for this long: a flood of requests
// must not become a flood of connects.
constexpr absl::Duration kConnectPause = absl::Milliseconds(200);

void PauseBeforeRetry(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  absl::SleepFor(absl::Milliseconds(
      std::uniform_int_distribution<int>(1, 10 * attempt)(random)));
}

bool IsLost(const absl::Status& status) {
  return absl::IsUnavailable(status) &&
         ReasonOf(status) == "DATABASE_UNAVAILABLE";
}

// What Postgres said, without the lines that quote rows.
std::string FirstLine(const std::exception& error) {
  const absl::string_view text = error.what();
  return std::string(text.substr(0, text.find('\n')));
}

// Others wanted the same rows in the same moment.
absl::Status Conflict(const std::exception& error) {
  return WithCause(
      WithRetryAfter(Error(absl::StatusCode::kAborted, "ABORTED",
                           "Others changed the same in the same moment. Please "
                           "try again in a moment."),
                     absl::Seconds(1)),
      FirstLine(error));
}

absl::Status OfSqlState(const pqxx::sql_error& error) {
  const std::string& state = error.sqlstate();
  const absl::string_view kind = absl::string_view(state).substr(0, 2);
  if (kind == "22") return absl::InvalidArgumentError(FirstLine(error));
  // 25006: this server only reads, another has taken its place. 58: its disk.
  // 54000: its queue of notifications is full.
  if (kind == "08" || kind == "53" || kind == "58" || state == "25006" ||
      state == "54000" || absl::StartsWith(state, "57P0")) {
    return DatabaseUnavailable(absl::StrCat("SQLSTATE ", state));
  }
  if (state == "40001" || state == "40P01") return Conflict(error);
  if (state == "23505") return absl::AlreadyExistsError(FirstLine(error));
  if (state == "55P03" || state == "57014") return Overloaded("database");
  return absl::InternalError(absl::StrCat(state, ": ", FirstLine(error)));
}

}  // namespace

absl::Status StatusOfCurrentException() {
  try {
    throw;
  } catch (const pqxx::in_doubt_error&) {
    return DatabaseUnavailable("commit in doubt");
  } catch (const pqxx::broken_connection&) {
    return DatabaseUnavailable("connection lost");
  } catch (const pqxx::serialization_failure& e) {
    return Conflict(e);
  } catch (const pqxx::deadlock_detected& e) {
    return Conflict(e);
  } catch (const pqxx::sql_error& e) {
    return OfSqlState(e);
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

// A connection for as long as one body runs. Goes back to the pool unless it
// was found broken.
class Pool::Lease {
 public:
  explicit Lease(Pool& pool) : pool_(pool) {}
  ~Lease() {
    if (held_) pool_.Release(std::move(connection_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  absl::Status Acquire() {
    absl::Status acquired = pool_.Acquire(connection_);
    held_ = acquired.ok();
    return acquired;
  }
  // The server went away, and with it most likely every idle connection.
  void Drop() {
    connection_.reset();
    pool_.DropIdle();
  }
  pqxx::connection& operator*() { return *connection_; }

 private:
  Pool& pool_;
  bool held_ = false;
  std::unique_ptr<Connection> connection_;
};

struct Pool::Metrics {
  explicit Metrics(const metrics::Labels& labels)
      : in_use(metrics::Gauge("pg_pool_in_use", "Connections in use.", labels)),
        wait(metrics::Seconds("pg_pool_wait_seconds",
                              "How long callers waited for a connection.",
                              labels)),
        failures(metrics::Counter("pg_connect_failures_total",
                                  "Connects that failed.", labels)) {}
  prometheus::Gauge& in_use;
  prometheus::Histogram& wait;
  prometheus::Counter& failures;
};

Pool::Pool(PoolOptions options)
    : options_(std::move(options)),
      metrics_(
          std::make_unique<Metrics>(metrics::Labels{{"pool", options_.name}})),
      filler_([this] { KeepFull(); }) {}

Pool::~Pool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.Signal();
  }
  filler_.join();
}

std::unique_ptr<Connection> Pool::Connect() {
  // Statements must not outlive who waits for them, nor locks a caller that
  // died.
  auto connection = std::make_unique<Connection>(
      options_.dsn,
      SessionSettings{{"statement_timeout", "5s"},
                      {"lock_timeout", "2s"},
                      {"idle_in_transaction_session_timeout", "10s"}});
  if (options_.prepare) options_.prepare(*connection);
  return connection;
}

absl::Status Pool::Acquire(std::unique_ptr<Connection>& connection) {
  const absl::Time start = absl::Now();
  {
    MutexLock lock(mutex_);
    while (idle_.empty()) {
      const absl::Time now = absl::Now();
      const bool full = in_use_ >= options_.connections;
      if (!full && now >= no_connect_before_) break;
      if (in_use_ == 0) {
        free_.Signal();  // nobody else will, and all who wait are to be told
        return DatabaseUnavailable("connect failed a moment ago");
      }
      // Somebody has one, or will tell that there is none to be had.
      const absl::Time end = start + options_.acquire_timeout;
      if (now >= end) return Overloaded("connections");
      free_.WaitFor(mutex_,
                    (full ? end : std::min(end, no_connect_before_)) - now);
    }
    ++in_use_;
    metrics_->in_use.Set(in_use_);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  metrics_->wait.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  if (connection != nullptr) return absl::OkStatus();
  try {
    connection = Connect();
    return absl::OkStatus();
  } catch (...) {
    const absl::Status status = StatusOfCurrentException();
    metrics_->failures.Increment();
    {
      MutexLock lock(mutex_);
      no_connect_before_ = absl::Now() + kConnectPause;
    }
    Release(nullptr);
    return IsLost(status) ? status : DatabaseUnavailable("connect failed");
  }
}

void Pool::Release(std::unique_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  --in_use_;
  metrics_->in_use.Set(in_use_);
  if (connection != nullptr) idle_.push_back(std::move(connection));
  free_.Signal();
}

void Pool::DropIdle() {
  std::vector<std::unique_ptr<Connection>> dropped;
  MutexLock lock(mutex_);
  dropped.swap(idle_);
}

void Pool::KeepFull() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      stop_.WaitFor(mutex_, options_.fill_every);
    }
    while (ReserveMissing() && AddReserved()) {
    }
  }
}

// Reserved, it is in use and counts.
bool Pool::ReserveMissing() {
  MutexLock lock(mutex_);
  const bool full =
      in_use_ + static_cast<int>(idle_.size()) >= options_.connections;
  // An idle one says that the database is there.
  if (stopping_ || full || idle_.empty()) return false;
  metrics_->in_use.Set(++in_use_);
  return true;
}

bool Pool::AddReserved() {
  std::unique_ptr<Connection> connection;
  try {
    connection = Connect();
  } catch (...) {
    metrics_->failures.Increment();
    log::Warning("a pool cannot be filled",
                 {{"pool", options_.name},
                  {"reason", StatusOfCurrentException().message()}});
  }
  const bool connected = connection != nullptr;
  Release(std::move(connection));
  return connected;
}

absl::Status Pool::InTransaction(
    absl::FunctionRef<absl::Status(pqxx::work&)> body) {
  constexpr int kTries = 3;
  bool reconnected = false;
  for (int attempt = 1;; ++attempt) {
    Lease lease(*this);
    if (absl::Status acquired = lease.Acquire(); !acquired.ok()) {
      return acquired;
    }
    bool committing = false;
    absl::Status status;
    try {
      pqxx::work tx(*lease);
      status = body(tx);
      if (status.ok()) status = before_commit.Hit();
      if (!status.ok()) return status;
      committing = true;  // NOLINT(*DeadStores): read if it throws
      tx.commit();
      if (options_.after_commit) options_.after_commit();
      return after_commit.Hit();
    } catch (...) {
      status = StatusOfCurrentException();
    }
    // It is in doubt.
    if (committing && options_.after_commit) options_.after_commit();
    if (IsLost(status)) {
      lease.Drop();
      // Before the commit nothing can have happened: once more, on a fresh
      // connection. After it, who knows: the caller decides.
      if (committing || reconnected) return status;
      reconnected = true;
    } else if (!absl::IsAborted(status) || attempt >= kTries) {
      return status;
    } else {
      PauseBeforeRetry(attempt);
    }
  }
}

absl::Status Pool::RunBare(
    absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body, bool& lost) {
  for (lost = false;;) {
    Lease lease(*this);
    if (absl::Status acquired = lease.Acquire(); !acquired.ok()) {
      return acquired;
    }
    try {
      pqxx::nontransaction tx(*lease);
      return body(tx);
    } catch (...) {
      absl::Status status = StatusOfCurrentException();
      if (!IsLost(status)) return status;
      lease.Drop();
      if (std::exchange(lost, true)) return status;
    }
  }
}

absl::Status Pool::Read(
    absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body) {
  bool lost = false;
  return RunBare(body, lost);
}

absl::Status Pool::Write(
    absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body) {
  bool lost = false;
  const absl::Status written = RunBare(body, lost);
  // Also if what came after the statement failed, or it is in doubt.
  if (options_.after_commit) options_.after_commit();
  // The server may still be about to commit for the connection that broke.
  return lost ? InDoubt(written) : written;
}

absl::Status Pool::Ping() {
  return Read([](pqxx::nontransaction& tx) {
    tx.exec("SELECT 1");
    return absl::OkStatus();
  });
}

}  // namespace platform::pg
