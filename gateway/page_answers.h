// What the page's server answers, as far as it can be said without a socket.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gateway {

// "ko" or "en", whichever an Accept-Language header likes better; "en" if it
// likes neither.
absl::string_view PreferredLanguage(absl::string_view accept_language);

// Whether a Host header, with or without a port, names this machine.
bool IsLoopback(absl::string_view host);

// Whether an Accept-Encoding header takes gzip.
bool AcceptsGzip(absl::string_view accept_encoding);

// The token of an `Authorization: Bearer` header, "" if there is none.
absl::string_view BearerToken(absl::string_view authorization);

// The payload of a JSON Web Token, as JSON text. Whoever calls this must know
// from elsewhere that the token is good: nothing is verified here.
// INVALID_ARGUMENT if it has no such form.
absl::StatusOr<std::string> ClaimsOf(absl::string_view token);

// The Set-Cookie value that makes a browser send `token` with every request to
// us, and to nobody else, out of reach of scripts. An empty token takes the
// cookie away. The gateway (envoy.yaml) knows the cookie's name.
std::string SessionCookie(absl::string_view token, bool secure);

// What every answer carries for the browser's sake.
inline constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

}  // namespace gateway
