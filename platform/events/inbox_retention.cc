#include "platform/events/inbox_retention.h"

#include "platform/events/retention.h"
#include "platform/log/log.h"

namespace platform::events {
namespace {

// Longer than any stream or outbox keeps an event.
constexpr absl::Duration kKeep = absl::Hours(24 * 30);
constexpr absl::Duration kInterval = absl::Minutes(1);

}  // namespace

InboxRetention::InboxRetention(pg::Pool& pool)
    : pool_(pool), thread_([this] { Work(); }) {}

InboxRetention::~InboxRetention() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void InboxRetention::Work() {
  const Retention retention(kKeep, kKeep);
  bool more = false;
  while (true) {
    {
      MutexLock lock(mutex_);
      // Woken early for nothing it merely deletes a little earlier.
      if (!more && !stopping_) wake_.WaitFor(mutex_, kInterval);
      if (stopping_) return;
    }
    more = false;
    const absl::Status status = pool_.InTransaction([&](pqxx::work& tx) {
      more = retention.Step(tx);
      return absl::OkStatus();
    });
    if (!status.ok()) {
      more = false;
      log::Warning("old inbox rows could not be deleted",
                   {{"cause", status.message()}});
    }
  }
}

}  // namespace platform::events
