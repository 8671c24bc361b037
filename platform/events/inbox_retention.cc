#include "platform/events/inbox_retention.h"

#include "platform/log/log.h"

namespace platform::events {
namespace {

// Longer than any stream or outbox keeps an event.
constexpr absl::Duration kKeep = absl::Hours(24 * 30);
constexpr absl::Duration kInterval = absl::Minutes(1);

}  // namespace

InboxRetention::InboxRetention(pg::Pool& pool)
    : pool_(pool),
      retention_(kKeep, kKeep),
      rounds_([this] { return Round(); }) {}

absl::Duration InboxRetention::Round() {
  bool more = false;
  const absl::Status status = pool_.InTransaction([&](pqxx::work& tx) {
    more = retention_.Step(tx);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    log::Warning("old inbox rows could not be deleted",
                 {{"cause", status.message()}});
    return kInterval;
  }
  return more ? absl::ZeroDuration() : kInterval;
}

}  // namespace platform::events
