#include "platform/auth/auth_flags.h"

#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "platform/config/common_flags.h"
#include "platform/log/log.h"

ABSL_FLAG(std::string, auth, "on",
          "on, or off: everybody may do everything. Off is possible only when "
          "--listen is a loopback address.");
ABSL_FLAG(std::string, auth_jwks, "",
          "File with the public keys (JWKS) that sign people's tokens.");
ABSL_FLAG(std::string, auth_issuer, "restaurant", "`iss` of people's tokens.");
ABSL_FLAG(std::string, auth_service_jwks, "",
          "File with the services' public keys (JWKS), each with the service's "
          "name as its kid. Without it no service may call.");
ABSL_FLAG(std::string, auth_service_issuer, "restaurant-services",
          "`iss` of services' tokens.");
ABSL_FLAG(std::string, auth_audience, "restaurant", "`aud` of all tokens.");
ABSL_FLAG(std::string, auth_key, "",
          "File with this service's private key (PEM), to sign its tokens "
          "when it calls another.");

namespace platform::auth {
namespace {

bool IsLoopback(absl::string_view listen) {
  const absl::string_view host = listen.substr(0, listen.rfind(':'));
  return host == "localhost" || host == "[::1]" ||
         absl::StartsWith(host, "127.");
}

bool Off() { return absl::GetFlag(FLAGS_auth) == "off"; }

}  // namespace

absl::StatusOr<std::unique_ptr<Access>> AccessFromFlags(
    absl::string_view listen, Rules rules) {
  const std::string mode = absl::GetFlag(FLAGS_auth);
  if (Off()) {
    if (!IsLoopback(listen)) {
      return BadFlag("auth", absl::StrCat("off is possible only on a loopback "
                                          "address, and --listen is ",
                                          listen));
    }
    log::Warning("authentication is off: everybody may do everything",
                 {{"listen", listen}});
    return std::make_unique<Access>(std::move(rules), nullptr);
  }
  if (mode != "on") {
    return BadFlag("auth",
                   absl::StrCat("must be on or off, not \"", mode, "\""));
  }
  const std::string people = absl::GetFlag(FLAGS_auth_jwks);
  if (people.empty()) {
    return BadFlag("auth_jwks",
                   "must be a file with the keys that sign tokens; --auth=off "
                   "does without, on a loopback address");
  }
  for (const auto& [name, value] :
       {std::pair("auth_issuer", absl::GetFlag(FLAGS_auth_issuer)),
        std::pair("auth_service_issuer",
                  absl::GetFlag(FLAGS_auth_service_issuer)),
        std::pair("auth_audience", absl::GetFlag(FLAGS_auth_audience))}) {
    if (value.empty()) return BadFlag(name, "must not be empty");
  }
  if (absl::GetFlag(FLAGS_auth_issuer) ==
      absl::GetFlag(FLAGS_auth_service_issuer)) {
    return BadFlag("auth_service_issuer", "must not be --auth_issuer's");
  }
  VerifierOptions options{.issuers = {{.name = absl::GetFlag(FLAGS_auth_issuer),
                                       .jwks_file = people}},
                          .audience = absl::GetFlag(FLAGS_auth_audience)};
  if (const std::string services = absl::GetFlag(FLAGS_auth_service_jwks);
      !services.empty()) {
    options.issuers.push_back({.name = absl::GetFlag(FLAGS_auth_service_issuer),
                               .jwks_file = services,
                               .role_of_key_owners = "service"});
  }
  absl::StatusOr<std::unique_ptr<Verifier>> verifier =
      Verifier::Create(std::move(options));
  if (!verifier.ok()) return verifier.status();
  return std::make_unique<Access>(std::move(rules), *std::move(verifier));
}

absl::StatusOr<std::unique_ptr<Signer>> SignerFromFlags(
    absl::string_view name) {
  if (Off()) return std::unique_ptr<Signer>();
  const std::string key = absl::GetFlag(FLAGS_auth_key);
  if (key.empty()) {
    return BadFlag("auth_key", "must be a file with this service's key");
  }
  return Signer::Create({.key_file = key,
                         .subject = std::string(name),
                         .issuer = absl::GetFlag(FLAGS_auth_service_issuer),
                         .audience = absl::GetFlag(FLAGS_auth_audience)});
}

}  // namespace platform::auth
