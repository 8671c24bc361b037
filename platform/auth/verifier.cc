#include "platform/auth/verifier.h"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "platform/auth/json.h"
#include "platform/auth/jwks.h"
#include "platform/log/log.h"
#include "platform/status/error.h"

namespace platform::auth {
namespace {

using nlohmann::json;

absl::Status Refused(absl::string_view reason, absl::string_view message,
                     absl::string_view cause) {
  return WithCause(Error(absl::StatusCode::kUnauthenticated, reason, message),
                   cause);
}

absl::Status Invalid(absl::string_view cause) {
  return Refused(kTokenInvalid, "The token cannot be accepted.", cause);
}

// Changes whenever the file does; "" if there is none.
std::string VersionOf(const std::string& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return "";
  return absl::StrCat(info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec,
                      ".", info.st_mtim.tv_nsec);
}

std::optional<absl::Time> TimeOf(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  // Saturates.
  return absl::UnixEpoch() + absl::Seconds(found->get<double>());
}

bool IsFor(const json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return *found == audience;
  return found->is_array() && std::find(found->begin(), found->end(),
                                        json(audience)) != found->end();
}

std::map<std::string, std::set<int64_t>> NumberLists(const json& claims) {
  std::map<std::string, std::set<int64_t>> lists;
  for (const auto& [name, value] : claims.items()) {
    if (!value.is_array() ||
        !std::all_of(value.begin(), value.end(),
                     [](const json& e) { return e.is_number_integer(); })) {
      continue;
    }
    lists[name] = value.get<std::set<int64_t>>();
  }
  return lists;
}

}  // namespace

size_t Verifier::DigestHash::operator()(const Digest& digest) const {
  size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

Verifier::Verifier(VerifierOptions options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<Verifier>> Verifier::Create(
    VerifierOptions options) {
  std::unique_ptr<Verifier> verifier(new Verifier(std::move(options)));
  MutexLock lock(verifier->mutex_);
  for (const Issuer& issuer : verifier->options_.issuers) {
    KeyFile& file = verifier->files_.emplace_back();
    file.issuer = issuer;
    if (absl::Status loaded = verifier->LoadKeys(file); !loaded.ok()) {
      return loaded;
    }
  }
  return verifier;
}

absl::Status Verifier::LoadKeys(KeyFile& file) {
  const std::string version = VersionOf(file.issuer.jwks_file);
  std::ifstream in(file.issuer.jwks_file);
  std::ostringstream text;
  text << in.rdbuf();
  absl::StatusOr<std::vector<PublicKey>> keys =
      in ? ParseJwks(text.str()) : absl::InvalidArgumentError("cannot be read");
  if (!keys.ok()) {
    file.refused = version;
    return Error(absl::StatusCode::kInvalidArgument, "BAD_JWKS",
                 absl::StrCat("key file ", file.issuer.jwks_file, " ",
                              keys.status().message()));
  }
  file.keys = *std::move(keys);
  file.version = version;
  file.refused.reset();
  ++generation_;
  return absl::OkStatus();
}

void Verifier::ReloadIfChanged(absl::Time now) {
  const int64_t now_ms = absl::ToUnixMillis(now);
  int64_t due = look_again_ms_.load();
  const int64_t next =
      now_ms + absl::ToInt64Milliseconds(options_.reload_every);
  // One thread looks, the others go on.
  if (now_ms < due || !look_again_ms_.compare_exchange_strong(due, next)) {
    return;
  }
  MutexLock lock(mutex_);
  for (KeyFile& file : files_) {
    const std::string version = VersionOf(file.issuer.jwks_file);
    if (version == file.version || version == file.refused) continue;
    if (absl::Status loaded = LoadKeys(file); !loaded.ok()) {
      log::Error("new keys are unusable; the old ones stay",
                 {{"error", loaded.message()}});
      continue;
    }
    // A token of a key that is gone must not live on.
    young_.clear();
    old_.clear();
    log::Info("keys read again", {{"issuer", file.issuer.name}});
  }
}

absl::StatusOr<std::shared_ptr<const Identity>> Verifier::Verify(
    absl::string_view token) {
  const absl::Time now = options_.now();
  ReloadIfChanged(now);
  Digest digest{};
  // Looked up once: OpenSSL takes longer to find it than to run it.
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  // Without its digest a token must not be taken for another.
  if (sha256 == nullptr || EVP_Digest(token.data(), token.size(), digest.data(),
                                      nullptr, sha256, nullptr) != 1) {
    return Invalid("OpenSSL has no SHA-256");
  }
  int64_t generation = 0;
  {
    MutexLock lock(mutex_);
    for (Cache* cache : {&young_, &old_}) {
      const auto found = cache->find(digest);
      if (found != cache->end() && now < found->second.until) {
        return found->second.identity;
      }
    }
    generation = generation_;
  }
  absl::StatusOr<Verified> verified = VerifyUnknown(token, now);
  if (!verified.ok()) return verified.status();
  std::shared_ptr<const Identity> identity = verified->identity;
  MutexLock lock(mutex_);
  // Unless the keys changed meanwhile.
  if (generation == generation_) {
    if (young_.size() >= options_.cache_limit / 2) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_[digest] = *std::move(verified);
  }
  return identity;
}

absl::StatusOr<PublicKey> Verifier::KeyOf(const ParsedToken& token,
                                          const std::string& issuer,
                                          std::string* role_of_key_owners) {
  MutexLock lock(mutex_);
  for (const KeyFile& file : files_) {
    if (file.issuer.name != issuer) continue;
    *role_of_key_owners = file.issuer.role_of_key_owners;
    for (const PublicKey& key : file.keys) {
      if (key.id == token.key_id) return key;
    }
    return Invalid("its key is not known");
  }
  return Invalid("its issuer is not trusted");
}

absl::StatusOr<Verifier::Verified> Verifier::VerifyUnknown(
    absl::string_view token, absl::Time now) {
  const std::optional<ParsedToken> parsed = ParseToken(token);
  if (!parsed.has_value()) return Invalid("it is no JWT");
  const json claims = json::parse(parsed->claims);
  std::string role_of_key_owners;
  const absl::StatusOr<PublicKey> key =
      KeyOf(*parsed, TextOf(claims, "iss"), &role_of_key_owners);
  if (!key.ok()) return key.status();
  if (!SignatureHolds(*parsed, *key)) return Invalid("its signature is wrong");

  // From here on the claims are the issuer's words.
  if (!IsFor(claims, options_.audience)) {
    return Invalid("it is for another audience");
  }
  const std::optional<absl::Time> expires = TimeOf(claims, "exp");
  if (!expires.has_value()) return Invalid("it does not say when it expires");
  const absl::Time until = *expires + options_.leeway;
  if (now >= until) {
    return Refused(kTokenExpired, "The token has expired.", "");
  }
  if (claims.contains("nbf")) {
    const std::optional<absl::Time> from = TimeOf(claims, "nbf");
    if (!from.has_value()) return Invalid("its nbf is no time");
    if (now < *from - options_.leeway) {
      return Refused(kTokenNotYetValid, "The token is not valid yet.", "");
    }
  }
  auto identity = std::make_shared<Identity>();
  identity->subject = TextOf(claims, "sub");
  if (identity->subject.empty()) return Invalid("it has no subject");
  if (role_of_key_owners.empty()) {
    identity->role = TextOf(claims, "role");
    for (const Issuer& issuer : options_.issuers) {
      if (!identity->role.empty() &&
          identity->role == issuer.role_of_key_owners) {
        return Invalid("its role is for the owners of keys");
      }
    }
  } else if (identity->subject == key->id) {
    identity->role = role_of_key_owners;
  } else {
    return Invalid("its key is somebody else's");
  }
  identity->number_lists = NumberLists(claims);
  identity->until = until;
  return Verified{std::move(identity), until};
}

}  // namespace platform::auth
