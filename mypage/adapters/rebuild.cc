#include "mypage/adapters/rebuild.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "mypage/adapters/shadow_tables.h"
#include "mypage/adapters/stream_replay.h"
#include "mypage/app/use_cases.h"
#include "platform/events/inbox.h"
#include "platform/events/jetstream.h"
#include "platform/events/stream_info.h"
#include "platform/events/wire.h"
#include "platform/failpoint/failpoint.h"
#include "platform/log/log.h"
#include "platform/pg/connection.h"
#include "platform/pg/pool.h"
#include "platform/status/error.h"

namespace mypage {
namespace {

namespace events = platform::events;
using platform::pg::Pool;

platform::failpoint::Point before_swap("mypage.rebuild_before_swap");
platform::failpoint::Point after_swap("mypage.rebuild_after_swap");

constexpr int kEventsPerTransaction = 500;
constexpr int kViewsPerTransaction = 1000;
// How often the swap is tried: readers in the middle of something can make it
// time out.
constexpr int kSwapTries = 5;
// So few are read while the appliers pause, in a fraction of a second; unless
// after so many rounds there still come more.
constexpr int64_t kFewEvents = 5000;
constexpr int kMostRounds = 10;
// How long the broker may be away in the middle of it.
constexpr absl::Duration kLongestSilence = absl::Seconds(30);

// Nothing here is a request that somebody waits for.
void AllowLongStatements(pqxx::connection& connection) {
  pqxx::nontransaction tx(connection);
  tx.exec(
      "SET statement_timeout = 0;"
      "SET idle_in_transaction_session_timeout = 0;"
      "SET lock_timeout = '10s'");
}

void PrepareShadow(pqxx::connection& connection) {
  AllowLongStatements(connection);
  {
    // Nothing is lost if the machine stops before the swap, whose commit waits
    // for the disk and comes last.
    pqxx::nontransaction tx(connection);
    tx.exec("SET synchronous_commit = off");
  }
  UseShadow(connection);
  PrepareMypage(connection, Tell::kNobody);
  events::PrepareInbox(connection);
}

// One rebuild at a time, for as long as this lives.
class OnlyOne {
 public:
  absl::Status Take(const std::string& dsn) try {
    connection_ = std::make_unique<platform::pg::Connection>(dsn);
    pqxx::nontransaction tx(*connection_);
    // The key is "rebuild" in ASCII.
    if (!tx.exec1("SELECT pg_try_advisory_lock(x'72656275696c64'::bigint)")[0]
             .as<bool>()) {
      return platform::Error(absl::StatusCode::kFailedPrecondition,
                             "REBUILD_RUNNING", "Another rebuild is running.");
    }
    return absl::OkStatus();
  } catch (...) {
    return platform::pg::StatusOfCurrentException();
  }

 private:
  std::unique_ptr<platform::pg::Connection> connection_;
};

// One stream on its way into the shadow tables.
struct Input {
  events::Subscription subscription;
  std::unique_ptr<StreamReplay> replay;
  int64_t read = 0;
  int64_t unreadable = 0;
};

class Rebuilder {
 public:
  Rebuilder(const RebuildOptions& options, events::JetStream& jetstream)
      : options_(options),
        jetstream_(jetstream),
        live_({.name = "rebuild_live",
               .dsn = options.dsn,
               .connections = 1,
               .acquire_timeout = absl::Seconds(2),
               .prepare = AllowLongStatements}),
        shadow_({.name = "rebuild_shadow",
                 .dsn = options.dsn,
                 .connections = 1,
                 .acquire_timeout = absl::Seconds(2),
                 .prepare = PrepareShadow}) {}

  absl::Status Run() {
    if (absl::Status s = Begin(); !s.ok()) return s;
    if (absl::Status s = CatchUp(); !s.ok()) return s;
    if (absl::Status s = KeepWhatStreamsLost(); !s.ok()) return s;
    if (absl::Status s = Analyze(); !s.ok()) return s;
    if (absl::Status s = CatchUp(); !s.ok()) return s;
    return Swap();
  }

 private:
  void Say(const std::string& line) const { options_.say(line); }

  absl::Status Begin() {
    absl::Status created = live_.InTransaction([](pqxx::work& tx) {
      CreateShadow(tx);
      return absl::OkStatus();
    });
    if (!created.ok()) return created;
    for (const events::Subscription& subscription : options_.subscriptions) {
      auto replay = StreamReplay::Begin(jetstream_, subscription.stream,
                                        options_.nats.name);
      if (!replay.ok()) return replay.status();
      inputs_.push_back({subscription, *std::move(replay)});
    }
    return absl::OkStatus();
  }

  // What comes while they are read is read, too, until so little is left that
  // the pause is short.
  absl::Status CatchUp() {
    for (int round = 0; round < kMostRounds; ++round) {
      const int64_t before = EventsRead();
      if (absl::Status s = ReadStreams(); !s.ok()) return s;
      if (EventsRead() - before <= kFewEvents) break;
    }
    return absl::OkStatus();
  }

  int64_t EventsRead() const {
    int64_t read = 0;
    for (const Input& input : inputs_) read += input.read;
    return read;
  }

  // Up to what they hold now.
  absl::Status ReadStreams() {
    for (Input& input : inputs_) {
      const absl::StatusOr<events::StreamInfo> info =
          events::GetStreamInfo(jetstream_, input.subscription.stream);
      if (!info.ok()) return info.status();
      if (absl::Status s = ReadUpTo(input, *info); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status ReadUpTo(Input& input, const events::StreamInfo& info) {
    absl::Time last_said = absl::Now();
    absl::Time last_heard = absl::Now();
    while (true) {
      const auto messages = input.replay->Next(kEventsPerTransaction);
      absl::Status status = messages.status();
      if (status.ok() && !messages->empty()) {
        status = Apply(input, *messages);
        if (!status.ok()) return status;
        status = input.replay->Acknowledge(*messages);
      }
      if (status.ok() &&
          (messages->empty() ||
           messages->back().stream_sequence >= info.last_sequence)) {
        const absl::StatusOr<bool> reached =
            input.replay->Reached(info.last_sequence);
        if (reached.ok() && *reached) break;
        status = reached.status();
      }
      const absl::Time now = absl::Now();
      if (status.ok()) {
        last_heard = now;
      } else if (!absl::IsUnavailable(status) ||
                 now - last_heard > kLongestSilence) {
        return status;
      }
      if (now - last_said > absl::Seconds(1)) {
        last_said = now;
        Say(absl::StrCat(input.subscription.stream, ": ", input.read, " of ",
                         info.messages, " events"));
      }
    }
    Say(absl::StrCat(input.subscription.stream, ": ", input.read,
                     " events read"));
    return absl::OkStatus();
  }

  absl::Status Apply(Input& input, const std::vector<events::InMessage>& raw) {
    input.read += static_cast<int64_t>(raw.size());
    std::vector<events::Message> messages;
    messages.reserve(raw.size());
    for (const events::InMessage& each : raw) {
      absl::StatusOr<events::Message> message = events::ParseMessage(each);
      if (message.ok()) {
        messages.push_back(*std::move(message));
      } else {
        Skip(input, each.subject, message.status());
      }
    }
    absl::Status status = ApplyToShadow(input, messages);
    if (!IsEventsFault(status)) return status;
    for (const events::Message& message : messages) {
      status = ApplyToShadow(input, {&message, 1});
      if (IsEventsFault(status)) {
        Skip(input, message.event_id, status);
      } else if (!status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status ApplyToShadow(const Input& input,
                             absl::Span<const events::Message> messages) {
    return events::ApplyOnce(shadow_, input.subscription.durable, messages,
                             input.subscription.handler);
  }

  // What a consumer parks.
  static bool IsEventsFault(const absl::Status& status) {
    return absl::IsInvalidArgument(status) ||
           absl::IsFailedPrecondition(status);
  }

  static void Skip(Input& input, absl::string_view what,
                   const absl::Status& why) {
    ++input.unreadable;
    platform::log::Warning("event cannot be read, left out",
                           {{"event", what}, {"reason", why.message()}});
  }

  absl::Status KeepWhatStreamsLost() {
    std::string after;
    bool more = true;
    while (more) {
      std::string last;
      absl::Status kept = shadow_.InTransaction([&](pqxx::work& tx) {
        const absl::StatusOr<std::vector<MypageView>> older =
            LiveViewsUnlikeShadow(tx, after, kViewsPerTransaction);
        if (!older.ok()) return older.status();
        more = older->size() == kViewsPerTransaction;
        if (older->empty()) return absl::OkStatus();
        last = older->back().order_id();
        PgMypageStore store(tx);
        return KeepEntries(store, *older);
      });
      if (!kept.ok()) return kept;
      after = last;
    }
    return absl::OkStatus();
  }

  absl::Status Analyze() {
    return live_.InTransaction([](pqxx::work& tx) {
      tx.exec(
          "ANALYZE mypage_rebuild.mypage_views; "
          "ANALYZE mypage_rebuild.inbox");
      return absl::OkStatus();
    });
  }

  absl::Status Swap() {
    absl::Status status;
    for (int i = 0; i < kSwapTries; ++i) {
      status = TrySwap();
      if (!absl::IsResourceExhausted(status)) return status;
      Say("readers or appliers are in the way, trying again");
      absl::SleepFor(absl::Milliseconds(300));
    }
    return status;
  }

  absl::Status TrySwap() {
    SwapCounts counts;
    absl::Time paused;
    absl::Status swapped = live_.InTransaction([&](pqxx::work& tx) {
      Say("pausing the appliers");
      PauseAppliers(tx);
      paused = absl::Now();
      if (absl::Status s = ReadStreams(); !s.ok()) return s;
      if (absl::Status s = KeepWhatStreamsLost(); !s.ok()) return s;
      if (absl::Status s = before_swap.Hit(); !s.ok()) return s;
      counts = SwapTables(tx, options_.subscriptions.front().durable);
      return absl::OkStatus();
    });
    if (!swapped.ok()) return swapped;
    if (absl::Status s = after_swap.Hit(); !s.ok()) return s;
    Summarize(counts, absl::Now() - paused);
    return absl::OkStatus();
  }

  void Summarize(const SwapCounts& counts, absl::Duration paused) const {
    int64_t unreadable = 0;
    for (const Input& input : inputs_) unreadable += input.unreadable;
    Say(absl::StrCat("rebuilt ", counts.orders, " orders (before: ",
                     counts.orders_before, ") from ", EventsRead(), " events"));
    Say(absl::StrCat(counts.entries_kept,
                     " entries kept whose events the streams no longer hold"));
    Say(absl::StrCat(unreadable, " unreadable events left out"));
    Say(absl::StrFormat("appliers paused for %.3f s",
                        absl::ToDoubleSeconds(paused)));
  }

  const RebuildOptions& options_;
  events::JetStream& jetstream_;
  Pool live_;
  Pool shadow_;
  std::vector<Input> inputs_;
};

}  // namespace

absl::Status Rebuild(const RebuildOptions& options) {
  OnlyOne only_one;
  if (absl::Status s = only_one.Take(options.dsn); !s.ok()) return s;
  const auto jetstream = events::JetStream::Connect(options.nats);
  if (!jetstream.ok()) return jetstream.status();
  // It connects in the background.
  for (int i = 0; i < 50 && !(*jetstream)->connected(); ++i) {
    absl::SleepFor(absl::Milliseconds(100));
  }
  return Rebuilder(options, **jetstream).Run();
}

}  // namespace mypage
