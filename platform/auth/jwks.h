// Sets of public keys as JSON (RFC 7517), the form in which issuers publish
// them.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "platform/auth/jwt.h"

namespace platform::auth {

// The keys that can check our tokens: P-256, and RSA of at least 2048 bits,
// with a `kid`, and not for encryption. Others are skipped. Fails with
// `INVALID_ARGUMENT` if it is no key set, if one of those keys is broken, or if
// none is left.
absl::StatusOr<std::vector<PublicKey>> ParseJwks(absl::string_view text);

}  // namespace platform::auth
