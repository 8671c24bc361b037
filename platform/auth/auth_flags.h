// The flags by which a service learns whom to believe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "platform/auth/access.h"
#include "platform/auth/signer.h"

namespace platform::auth {

// What --auth, --auth_jwks, --auth_issuer, --auth_service_jwks,
// --auth_service_issuer and --auth_audience say. Fails with `INVALID_ARGUMENT`,
// one line that names the flag. --auth=off is refused unless `listen`
// (host:port) is a loopback address, and is a warning in the log.
absl::StatusOr<std::unique_ptr<Access>> AccessFromFlags(
    absl::string_view listen, Rules rules);

// What --auth_key says, for a service `name` that calls others; null with
// --auth=off.
absl::StatusOr<std::unique_ptr<Signer>> SignerFromFlags(absl::string_view name);

}  // namespace platform::auth
