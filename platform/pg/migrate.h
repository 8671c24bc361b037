// Runs schema migrations.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "platform/pg/migration.h"
#include "platform/pg/pool.h"

namespace platform::pg {

// What the role that a service runs as may do, all else being its owner's.
struct RuntimeGrants {
  std::string role;  // "": none is meant, the owner serves
  // GRANT statements; :"runtime_role", :"database" and :"schema" are names.
  absl::string_view sql;
};

// Brings the database at `dsn` (connected with the owner's role) up to date.
// Holds an advisory lock: any number of processes may try at once. Each
// migration is one transaction that waits at most 10 s for a lock, and
// everybody else behind it: then `RESOURCE_EXHAUSTED`, try again. Fails with
// `FAILED_PRECONDITION` / `MIGRATION_CHANGED` if one that already ran reads
// differently now.
//
// Afterwards, each time and in one transaction: takes everything in the
// database and its schema away from PUBLIC and from the runtime role, which
// must exist, and grants that role what `grants` says.
absl::Status Migrate(const std::string& dsn,
                     absl::Span<const Migration> migrations,
                     const RuntimeGrants& grants = {});

// Blocks until the database answers and has all of `migrations`, logging once
// a few seconds what it waits for; or until `cancelled` returns true, then
// returns `CANCELLED`.
absl::Status WaitForSchema(Pool& pool, absl::Span<const Migration> migrations,
                           const std::function<bool()>& cancelled);

}  // namespace platform::pg
