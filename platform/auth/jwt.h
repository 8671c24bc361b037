// JSON Web Tokens as bytes: taking apart, signing, checking a signature.
//
// RS256 and ES256 only. Which of the two is run is decided by the key, never by
// the token. What a token's claims mean is verifier.h's business.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace platform::auth {

enum class Algorithm { kRs256, kEs256 };

struct PublicKey {
  std::string id;  // `kid`
  Algorithm algorithm = Algorithm::kEs256;
  // Read once: OpenSSL takes longer to read a key than to check with it.
  std::shared_ptr<evp_pkey_st> key;
};

// A token taken apart. Believe nothing of it before SignatureHolds().
struct ParsedToken {
  std::string algorithm;  // `alg`
  std::string key_id;     // `kid`, "" if there is none
  std::string claims;     // a JSON object, as text
  std::string signed_text;
  std::string signature;  // base64url
};

// Nothing if it is not three parts of base64url, the first two JSON objects.
std::optional<ParsedToken> ParseToken(absl::string_view token);

// Whether `key` signed the token, with the algorithm that is the key's own.
// Thread-safe, also with one key.
bool SignatureHolds(const ParsedToken& token, const PublicKey& key);

// Signs `claims`, a JSON object. `private_key_pem` is a P-256 or an RSA key;
// fails with `INVALID_ARGUMENT` if it is neither.
absl::StatusOr<std::string> SignToken(absl::string_view private_key_pem,
                                      absl::string_view key_id,
                                      absl::string_view claims);

}  // namespace platform::auth
