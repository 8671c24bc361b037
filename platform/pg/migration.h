// Schema migrations: numbered SQL files, compiled in, each run once
// (migrate.h).
#pragma once

#include "absl/strings/string_view.h"

namespace platform::pg {

// V1–V99 are the platform's (platform/events/migrations), V101 and up the
// service's. A migration that has landed is never edited.
struct Migration {
  int version = 0;
  absl::string_view name;
  absl::string_view sql;
};

}  // namespace platform::pg
