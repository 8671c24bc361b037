// The flags that every service has, and their checked values.
//
// Values come from the command line or, with --tryfromenv=name, from the
// environment variable FLAGS_name. Secrets belong there or in a file, never on
// a command line.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "platform/log/log.h"

namespace platform {

// Who this process is to the broker.
struct NatsConfig {
  std::string url;   // --nats_url
  std::string user;  // --nats_user; "": nobody
  // What the file --nats_password_file holds, without its line end.
  std::string password;
};

struct CommonConfig {
  std::string listen;           // --listen host:port of gRPC
  std::string metrics_listen;   // --metrics_listen host:port of /metrics
  std::string pg_dsn;           // --pg_dsn libpq connection string
  std::string pg_owner_dsn;     // --pg_owner_dsn of the owner, else pg_dsn
  std::string pg_runtime_role;  // --pg_runtime_role of the subcommand `migrate`
  int pg_connections = 0;       // --pg_connections of the request pool, 1..100
  NatsConfig nats;
  int threads = 0;       // --threads of the executor, 1..256
  int queue_limit = 0;   // --queue_limit per priority, 1..100000
  absl::Duration drain;  // --drain: keep serving after SIGTERM, 0..60s
  absl::Duration grace;  // --grace for calls in hand, 0..60s
  // --log_level debug|info|warning|error
  log::Level log_level = log::Level::kInfo;
  bool repair = false;             // --repair of the subcommand `reconcile`
  bool reconcile_repair = false;   // --reconcile_repair: the relay does it
  bool failpoint_control = false;  // --failpoint_control: see failpoint.h
};

// Reads and checks the flags, and arms --failpoints. Fails with
// `INVALID_ARGUMENT`, one line that names the flag, what it was and what it may
// be. A subcommand that does not serve needs no addresses and may need no
// broker.
absl::StatusOr<CommonConfig> LoadCommonConfig(bool serving = true);

// The broker's part of it, for those who need nothing else. Reads the password.
absl::StatusOr<NatsConfig> LoadNatsConfig();

// The same check for flags of one's own: `INVALID_ARGUMENT` "--name: rule".
absl::Status BadFlag(absl::string_view name, absl::string_view rule);

}  // namespace platform
