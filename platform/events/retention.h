// Forgets what nobody will ask for any more.
#pragma once

#include "absl/time/time.h"

#include "platform/pg/pool.h"

namespace platform::events {

// Keeps the tables of events from growing for ever. Deletes published outbox
// rows (never an unpublished one), inbox rows and attempts, and parked events
// that were redriven. Parked events that nobody redrove stay.
class Retention {
 public:
  // The inbox must outlive streams and outbox: an event that is repeated after
  // its inbox row is gone would be applied twice.
  Retention(absl::Duration keep_outbox, absl::Duration keep_inbox);

  // Prepares the statements below.
  static void Prepare(pqxx::connection& connection);

  // Deletes a little of each table (at most 1000 rows), so that nobody waits
  // for it. Returns true if there is more to delete.
  bool Step(pqxx::transaction_base& tx) const;

 private:
  double keep_outbox_seconds_;
  double keep_inbox_seconds_;
};

}  // namespace platform::events
