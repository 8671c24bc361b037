#include "platform/auth/signer.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "platform/auth/jwt.h"
#include "platform/log/log.h"
#include "platform/status/error.h"

namespace platform::auth {

absl::StatusOr<std::unique_ptr<Signer>> Signer::Create(SignerOptions options) {
  std::ifstream in(options.key_file);
  std::ostringstream key;
  key << in.rdbuf();
  std::unique_ptr<Signer> signer(new Signer(std::move(options), key.str()));
  if (absl::Status tried = signer->Sign(signer->options_.now()).status();
      !tried.ok()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                 absl::StrCat("key file ", signer->options_.key_file, ": ",
                              in ? tried.message() : "cannot be read"));
  }
  return signer;
}

Signer::Signer(SignerOptions options, std::string key)
    : options_(std::move(options)), key_(std::move(key)) {}

absl::StatusOr<std::string> Signer::Sign(absl::Time now) const {
  const nlohmann::json claims = {
      {"iss", options_.issuer},
      {"sub", options_.subject},
      {"aud", options_.audience},
      {"iat", absl::ToUnixSeconds(now)},
      {"nbf", absl::ToUnixSeconds(now)},
      {"exp", absl::ToUnixSeconds(now + options_.lifetime)}};
  return SignToken(key_, options_.subject, claims.dump());
}

std::string Signer::Token() {
  const absl::Time now = options_.now();
  MutexLock lock(mutex_);
  if (now >= renew_) {
    absl::StatusOr<std::string> signed_now = Sign(now);
    // The key signed once already, so this is out of memory or worse.
    if (!signed_now.ok()) {
      log::Error("cannot sign a token",
                 {{"error", signed_now.status().message()}});
      return token_;
    }
    token_ = *std::move(signed_now);
    renew_ = now + 0.8 * options_.lifetime;
  }
  return token_;
}

}  // namespace platform::auth
