// What the load asked for and what it was told: the client's own truth, which
// the checker holds against the databases.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/thread/mutex.h"

namespace load {

// One request and its answer. Fields that mean nothing for `op` are left alone.
struct Entry {
  const char* op = "";    // place, cancel, get, view, ticket, finish, deliver,
                          // stock
  absl::Time intended{};  // when the plan wanted it sent
  absl::Time sent{};
  absl::Time ended{};      // when the answer came or we stopped waiting
  std::string key{};       // place: the request id
  int32_t customer = 0;    // place, cancel, get, view: who asks
  int32_t restaurant = 0;  // place, stock
  int32_t menu = 0;        // place, stock
  int32_t qty = 0;         // place; stock: on_hand
  // As asked for or, of a place, as told.
  std::string order_id{};
  // As told: gRPC's code, and of an error its ErrorInfo's reason ("": it came
  // from the transport, nobody has answered) and whether a time to come back
  // was given.
  std::string code{};
  std::string reason{};
  bool retry_after = false;
  // As told: the order's status (ticket's, delivery's) and its version; of a
  // view the order's status and the view's version.
  std::string status{};
  int32_t version = 0;
  // place: all of the answer that a repeat must tell again.
  std::string told{};
};

// A file of JSON lines, one for each entry, in the order in which they ended.
// Times are microseconds since 1970. Thread-safe.
class History {
 public:
  // Fails with `UNAVAILABLE` if the file cannot be written. An empty path keeps
  // nothing.
  static absl::StatusOr<std::unique_ptr<History>> Open(const std::string& path);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  void Add(const Entry& entry);
  // Ends the file; says whether all of it was written.
  absl::Status Close();

 private:
  explicit History(std::FILE* file) : file_(file) {}

  platform::Mutex mutex_;
  std::FILE* file_ ABSL_GUARDED_BY(mutex_);
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace load
