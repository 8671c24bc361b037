// A delivery service on a database of its own, without its wires, for tests.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "delivery/domain/delivery.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"
#include "tests/support/postgres.h"

namespace delivery {

inline constexpr char kTraceId[] = "0af7651916cd43dd8448eb211c80319c";

// A new order, cooked. The ids of later ones are greater.
Parcel NewParcel();
std::vector<Parcel> NewParcels(int count);

// The event that says that `parcel` was cooked, with a new event id, as part of
// the trace kTraceId.
platform::events::Message Cooked(const Parcel& parcel);
std::vector<platform::events::Message> Cooked(absl::Span<const Parcel> parcels);

// The connections of one process to the database at `dsn`.
platform::pg::PoolOptions CourierPool(const std::string& dsn, int connections);

class Courier {
 public:
  Courier();

  test_support::TestDatabase& db() { return db_; }
  platform::pg::Pool& pool() { return pool_; }

  // Applies events through the inbox, as the consumer does, with the real
  // handler.
  absl::Status Hear(absl::Span<const platform::events::Message> messages);
  absl::StatusOr<Delivery> Complete(const std::string& order_id);

  // "STARTED", "DELIVERED"; "" if there is no delivery.
  std::string StatusOf(const Parcel& parcel);
  int Count(absl::string_view status);
  // How many events of that type are in the outbox.
  int Told(absl::string_view type);

  // Checks that each of a delivery's versions was told once.
  void ExpectEveryChangeWasToldOnce();

 private:
  int ToInt(const std::string& sql);

  test_support::TestDatabase db_;
  platform::pg::Pool pool_;
};

}  // namespace delivery
