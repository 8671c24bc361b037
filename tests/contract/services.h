// Every handler of events that the services have, each on the database of its
// service.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "platform/events/message.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pool.h"
#include "tests/contract/golden.h"
#include "tests/support/postgres.h"

namespace contract {

// A durable of a service, and what becomes of the events it brings.
struct Reader {
  std::string service;  // also the durable's name
  std::string stream;
  platform::events::Handler handler;

  absl::Span<const platform::pg::Migration> migrations;
  std::function<void(pqxx::connection&)> prepare;
  // SQL that puts into a fresh database what `order` must find there; $ORDER is
  // the order's id.
  std::string given;
  // SQL of one text: what the service knows about $ORDER.
  std::string outcome;
};

const std::vector<Reader>& AllReaders();

// The declared filter of a reader's durable; empty if there is no such durable.
std::vector<std::string> FiltersOf(const Reader& reader);

// True if `reader` hears what is published on `subject`.
bool Hears(const Reader& reader, const std::string& subject);

// The database of a reader's service, and how events get there.
class ServiceDatabase {
 public:
  explicit ServiceDatabase(const Reader& reader);

  // Empties it, then fills in what the reader needs to find for `order_id`.
  void Reset(const std::string& order_id);
  // Brings an event there as the consumer does: headers, inbox, handler.
  absl::Status Deliver(const platform::events::InMessage& wire);
  // What the service knows about the order; "" if nothing.
  std::string Outcome(const std::string& order_id) const;

 private:
  const Reader& reader_;
  test_support::TestDatabase db_;
  platform::pg::Pool pool_;
};

}  // namespace contract
