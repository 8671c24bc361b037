// The relay's own Postgres session: its lock, its ear, its statements.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

#include "platform/events/outbox_publish.h"
#include "platform/events/retention.h"
#include "platform/pg/connection.h"

namespace platform::events {

// Everything here throws libpqxx's exceptions; after one the session is to be
// thrown away, and the lock with it: libpqxx would reconnect in silence,
// without the lock. Not thread-safe.
class RelaySession {
 public:
  // Connects, directly: a transaction pooler would hand the lock to others.
  explicit RelaySession(const std::string& dsn);
  ~RelaySession();
  RelaySession(const RelaySession&) = delete;
  RelaySession& operator=(const RelaySession&) = delete;

  // True if this session now is the one that publishes, until it ends.
  bool TryLock();

  // Tells the session that publishes that something was appended. After the
  // commit, not in it: transactions that notify commit one after the other in
  // the whole instance, each with its fsync.
  void Notify();

  // Hears Notify() from now on.
  void Listen();
  // True if it was called since the last time.
  bool Notified();
  // Waits for that, for one of `fds` to become readable, or `timeout`.
  void Wait(std::initializer_list<int> fds, absl::Duration timeout);

  // The first `limit` events that are neither published nor Acknowledged(),
  // except those of the aggregates `without`.
  std::vector<OutboxRow> Unpublished(int limit, const std::string& source,
                                     absl::Span<const std::string> without);

  // An acknowledged event.
  struct Mark {
    std::string event_id;
    uint64_t sequence;
  };
  // From now on this session leaves them out. Marking costs more than looking,
  // so many are marked together: until WriteMarks(), the end of the session
  // means that they are published again, under their ids.
  void Acknowledged(absl::Span<const Mark> marks);
  // When that is to be called; InfiniteFuture() if there is nothing to mark.
  absl::Time marks_due() const { return mark_by_; }
  // Marks what was acknowledged as published, and raises the last acknowledged
  // sequence of `stream`. False if there was nothing to mark.
  bool WriteMarks(const std::string& stream);

  // What is remembered of a stream.
  struct StreamMemory {
    bool same = false;  // it still is the one created at `created`
    uint64_t last_sequence = 0;
  };
  // Returns what is remembered of `stream`; remembers `created` if it is new.
  StreamMemory Remember(const std::string& stream, absl::Time created);
  // True if an event that was published after `since` had a sequence below
  // `first_sequence`: the stream no longer holds it.
  bool AnyBefore(uint64_t first_sequence, absl::Time since);
  // True if an event was published under one of these. Reads the whole outbox.
  bool AnyAt(absl::Span<const uint64_t> sequences);
  // Remembers that `stream` lost messages: from now on it is not the same,
  // until reconcile says so.
  void Distrust(const std::string& stream);

  struct Depth {
    int64_t events = 0;  // counted up to kMostCounted
    double oldest_seconds = 0;
  };
  static constexpr int kMostCounted = 100'000;
  // Measures what is unpublished. To be called every few seconds: it also
  // raises the floor.
  Depth UnpublishedDepth();

  // Retention::Step().
  bool Forget(const Retention& retention);

 private:
  class Ear;

  bool WritersEnded();

  pg::Connection connection_;
  std::unique_ptr<Ear> ear_;
  std::vector<Mark> unmarked_;
  absl::Time mark_by_ = absl::InfiniteFuture();  // while there are none

  // Nothing unpublished has a position up to here, and nothing will: whoever
  // took such a position has ended. Without it every look for the unpublished
  // would walk past the index entries of all that was published since the last
  // vacuum (1 ms for 300,000).
  int64_t floor_ = 0;
  int64_t highest_seen_ = 0;
  // The floor to be, once those who wrote when it was chosen have ended.
  int64_t next_floor_ = 0;
  std::string writers_ = "{}";  // their virtual transactions, as an array
};

}  // namespace platform::events
