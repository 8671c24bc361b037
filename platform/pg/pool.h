// A bounded pool of Postgres connections, and the one place where libpqxx's
// exceptions end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "platform/pg/connection.h"
#include "platform/thread/mutex.h"

namespace platform::pg {

struct PoolOptions {
  std::string name = "main";  // label of its metrics
  std::string dsn;            // a libpq connection string; never logged
  int connections = 8;        // > 0
  // How long a caller waits for a free connection before it is refused.
  absl::Duration acquire_timeout = absl::Seconds(2);
  // Called on every new connection: prepare statements here.
  std::function<void(pqxx::connection&)> prepare;
  // How often connections that are missing are made, while one is idle.
  absl::Duration fill_every = absl::Seconds(15);
  // Called after every commit of InTransaction() and every Write(), also those
  // in doubt, on their thread; must not block.
  std::function<void()> after_commit = nullptr;
};

// Thread-safe. Connections are made when first needed, so that the database may
// come up later than the process. Once there is one all the others are made,
// too, within `fill_every`: a burst finds them, and what a process holds does
// not grow with time. The destructor may wait for a connect, 3 s. Unless the
// DSN (`options=-c statement_timeout=1min`), the role or the database says
// otherwise, a session ends statements after 5 s, waits 2 s for a lock, and may
// idle 10 s inside a transaction. Metrics:
// pg_pool_in_use, pg_pool_wait_seconds, pg_connect_failures_total.
class Pool {
 public:
  explicit Pool(PoolOptions options);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `body` in a transaction (READ COMMITTED) and commits if it returns OK;
  // rolls back otherwise. Exceptions of libpqxx become statuses:
  //
  //   serialization failure, deadlock  `ABORTED` / `ABORTED`, after three tries
  //   unreadable value (class 22)      `INVALID_ARGUMENT`
  //   unique violation                 `ALREADY_EXISTS`
  //   lock or statement timeout,
  //   no free connection               `RESOURCE_EXHAUSTED` / `OVERLOADED`
  //   connection lost, server away,
  //   read-only, without its disk or
  //   room for notifications           `UNAVAILABLE` / `DATABASE_UNAVAILABLE`
  //   anything else                    `INTERNAL`
  //
  // `body` may run several times: it must have no effect but through its
  // transaction. If the connection breaks during the commit the outcome is
  // unknown (`UNAVAILABLE`): every write must be idempotent under a key.
  absl::Status InTransaction(absl::FunctionRef<absl::Status(pqxx::work&)> body);

  // Runs one reading `body` without BEGIN and COMMIT: a round trip less twice.
  // Errors as above.
  absl::Status Read(
      absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body);

  // Runs a `body` whose first statement writes, atomically by itself, the same
  // way. Errors as above: if the connection breaks the outcome is unknown, and
  // the body has run once more. What becomes of that is then never
  // `RESOURCE_EXHAUSTED` or `ABORTED`, which say that nothing was done.
  absl::Status Write(
      absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body);

  // OK if the database answers.
  absl::Status Ping();

 private:
  class Lease;
  struct Metrics;

  std::unique_ptr<Connection> Connect();
  // Every successful Acquire() is followed by one Release(), with null if the
  // connection is not to be used again.
  absl::Status Acquire(std::unique_ptr<Connection>& connection);
  void Release(std::unique_ptr<Connection> connection);
  void DropIdle();
  // `lost`: whether a connection broke under it.
  absl::Status RunBare(
      absl::FunctionRef<absl::Status(pqxx::nontransaction&)> body, bool& lost);
  // Until the end: makes connections that are missing, now and then.
  void KeepFull();
  // False if none is missing, or the database seems to be away.
  bool ReserveMissing();
  // Makes the connection that was reserved; false if it cannot.
  bool AddReserved();

  const PoolOptions options_;
  const std::unique_ptr<Metrics> metrics_;
  Mutex mutex_;
  CondVar free_;
  absl::Time no_connect_before_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread filler_;
};

// What the exception that is being handled means, as the table above says. Call
// in a catch block only. `pool.cc` is the only other place that knows.
absl::Status StatusOfCurrentException();

}  // namespace platform::pg
