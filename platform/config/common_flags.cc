#include "platform/config/common_flags.h"

#include <libpq-fe.h>

#include <cstddef>
#include <fstream>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "platform/failpoint/failpoint.h"
#include "platform/planted/planted.h"
#include "platform/status/error.h"

ABSL_FLAG(std::string, listen, "", "host:port to serve gRPC on.");
ABSL_FLAG(std::string, metrics_listen, "",
          "host:port to serve Prometheus metrics on.");
ABSL_FLAG(std::string, pg_dsn, "",
          "libpq connection string of this service's database.");
ABSL_FLAG(std::string, pg_owner_dsn, "",
          "migrate, reconcile, rebuild: connection string of the role that "
          "owns the database; --pg_dsn unless set.");
ABSL_FLAG(std::string, pg_runtime_role, "",
          "migrate: the role of --pg_dsn, which is granted what serving needs "
          "and nothing else; none unless set.");
ABSL_FLAG(int, pg_connections, 8,
          "Connections for requests and events, 1 to 100.");
ABSL_FLAG(std::string, nats_url, "",
          "nats://host:port of the broker; several separated by commas.");
ABSL_FLAG(std::string, nats_user, "",
          "Who this is to the broker; its inboxes begin with _INBOX_<user>.");
ABSL_FLAG(std::string, nats_password_file, "",
          "A file with the password of --nats_user.");
ABSL_FLAG(int, threads, 8,
          "Threads for work that needs the database, 1 to 256.");
ABSL_FLAG(int, queue_limit, 256,
          "Requests of one priority that may wait, 1 to 100000.");
ABSL_FLAG(absl::Duration, drain, absl::Seconds(1),
          "How long to keep serving after SIGTERM, 0 to 60s.");
ABSL_FLAG(absl::Duration, grace, absl::Seconds(5),
          "How long calls in hand may take after that, 0 to 60s.");
ABSL_FLAG(bool, repair, false,
          "reconcile: publish again what the stream has lost.");
ABSL_FLAG(bool, reconcile_repair, false,
          "Publish again, without being asked, what the stream has lost.");
ABSL_FLAG(std::string, failpoints, "",
          "For tests: points where things go wrong, e.g. "
          "relay.before_mark=crash@nth:3 (platform/failpoint/failpoint.h).");
ABSL_FLAG(bool, failpoint_control, false,
          "For tests: arm failpoints by POST /failpoints on metrics_listen.");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error.");

namespace platform {
namespace {

bool IsAddress(const std::string& text) {
  // The last colon: [::1]:80 has several.
  const size_t colon = text.rfind(':');
  int port = -1;
  return colon != std::string::npos && colon > 0 &&
         absl::SimpleAtoi(text.substr(colon + 1), &port) && port >= 0 &&
         port <= 65535;
}

// As libpq reads it, without connecting. Its own message is not shown: it
// repeats parts of the string, perhaps the password.
bool IsDsn(const std::string& text) {
  char* error = nullptr;
  PQconninfoOption* options = PQconninfoParse(text.c_str(), &error);
  PQconninfoFree(options);
  PQfreemem(error);
  return !text.empty() && options != nullptr;
}

bool IsNatsUrls(const std::string& text) {
  for (absl::string_view url : absl::StrSplit(text, ',')) {
    if (!absl::ConsumePrefix(&url, "nats://") &&
        !absl::ConsumePrefix(&url, "tls://")) {
      return false;
    }
    if (url.empty()) return false;
  }
  return true;
}

bool Between(int value, int low, int high) {
  return low <= value && value <= high;
}

bool UpToAMinute(absl::Duration value) {
  return absl::ZeroDuration() <= value && value <= absl::Seconds(60);
}

}  // namespace

absl::Status BadFlag(absl::string_view name, absl::string_view rule) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_FLAG",
               absl::StrCat("--", name, ": ", rule), {{"flag", name}});
}

absl::StatusOr<NatsConfig> LoadNatsConfig() {
  NatsConfig config{.url = absl::GetFlag(FLAGS_nats_url),
                    .user = absl::GetFlag(FLAGS_nats_user),
                    .password = {}};
  if (!IsNatsUrls(config.url)) {
    return BadFlag("nats_url",
                   "must be nats://host:port; several separated by commas");
  }
  const std::string path = absl::GetFlag(FLAGS_nats_password_file);
  if (config.user.empty() != path.empty()) {
    return BadFlag(path.empty() ? "nats_password_file" : "nats_user",
                   "is missing; user and password go together");
  }
  if (path.empty()) return config;
  // The user is part of the names of his inboxes.
  if (config.user.find_first_of(".*> \t") != std::string::npos) {
    return BadFlag("nats_user", "must be without dots, stars and blanks");
  }
  std::ifstream file(path);
  if (!std::getline(file, config.password) || config.password.empty()) {
    return BadFlag("nats_password_file",
                   absl::StrCat(path, " cannot be read, or is empty"));
  }
  return config;
}

absl::StatusOr<CommonConfig> LoadCommonConfig(bool serving) {
  CommonConfig config{
      .listen = absl::GetFlag(FLAGS_listen),
      .metrics_listen = absl::GetFlag(FLAGS_metrics_listen),
      .pg_dsn = absl::GetFlag(FLAGS_pg_dsn),
      .pg_owner_dsn = absl::GetFlag(FLAGS_pg_owner_dsn),
      .pg_runtime_role = absl::GetFlag(FLAGS_pg_runtime_role),
      .pg_connections = absl::GetFlag(FLAGS_pg_connections),
      .nats = {},
      .threads = absl::GetFlag(FLAGS_threads),
      .queue_limit = absl::GetFlag(FLAGS_queue_limit),
      .drain = absl::GetFlag(FLAGS_drain),
      .grace = absl::GetFlag(FLAGS_grace),
      .repair = absl::GetFlag(FLAGS_repair),
      .reconcile_repair = absl::GetFlag(FLAGS_reconcile_repair),
      .failpoint_control = absl::GetFlag(FLAGS_failpoint_control),
  };
  if (serving && !IsAddress(config.listen)) {
    return BadFlag("listen", absl::StrCat("must be host:port, not \"",
                                          config.listen, "\""));
  }
  if (serving && !IsAddress(config.metrics_listen)) {
    return BadFlag("metrics_listen", absl::StrCat("must be host:port, not \"",
                                                  config.metrics_listen, "\""));
  }
  // Whoever does not serve may be given the owner's alone.
  if ((serving || config.pg_owner_dsn.empty() || !config.pg_dsn.empty()) &&
      !IsDsn(config.pg_dsn)) {
    return BadFlag("pg_dsn",
                   "must be a libpq connection string such as "
                   "postgresql:///name (best in FLAGS_pg_dsn with "
                   "--tryfromenv=pg_dsn)");
  }
  if (config.pg_owner_dsn.empty()) config.pg_owner_dsn = config.pg_dsn;
  if (!IsDsn(config.pg_owner_dsn)) {
    return BadFlag("pg_owner_dsn", "must be a libpq connection string");
  }
  if (serving || !absl::GetFlag(FLAGS_nats_url).empty()) {
    absl::StatusOr<NatsConfig> nats = LoadNatsConfig();
    if (!nats.ok()) return nats.status();
    config.nats = *std::move(nats);
  }
  if (!Between(config.pg_connections, 1, 100)) {
    return BadFlag("pg_connections", absl::StrCat("must be 1 to 100, not ",
                                                  config.pg_connections));
  }
  if (!Between(config.threads, 1, 256)) {
    return BadFlag("threads",
                   absl::StrCat("must be 1 to 256, not ", config.threads));
  }
  if (!Between(config.queue_limit, 1, 100000)) {
    return BadFlag("queue_limit", absl::StrCat("must be 1 to 100000, not ",
                                               config.queue_limit));
  }
  if (!UpToAMinute(config.drain)) {
    return BadFlag("drain", absl::StrCat("must be 0 to 60s, not ",
                                         absl::FormatDuration(config.drain)));
  }
  if (!UpToAMinute(config.grace)) {
    return BadFlag("grace", absl::StrCat("must be 0 to 60s, not ",
                                         absl::FormatDuration(config.grace)));
  }
  const std::string level = absl::GetFlag(FLAGS_log_level);
  if (!log::ParseLevel(level, &config.log_level)) {
    return BadFlag("log_level",
                   absl::StrCat("must be debug, info, warning or error, not \"",
                                level, "\""));
  }
  if (absl::Status armed = failpoint::Arm(absl::GetFlag(FLAGS_failpoints));
      !armed.ok()) {
    return BadFlag("failpoints", armed.message());
  }
  if (absl::Status chosen = planted::Check(); !chosen.ok()) return chosen;
  return config;
}

}  // namespace platform
