// Says whose token it is, or why it is none.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "platform/auth/identity.h"
#include "platform/auth/jwt.h"
#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace platform::auth {

// Reasons, all `UNAUTHENTICATED`.
inline constexpr absl::string_view kTokenMissing = "TOKEN_MISSING";
inline constexpr absl::string_view kTokenExpired = "TOKEN_EXPIRED";
inline constexpr absl::string_view kTokenNotYetValid = "TOKEN_NOT_YET_VALID";
inline constexpr absl::string_view kTokenInvalid = "TOKEN_INVALID";

// Who is trusted to sign tokens.
struct Issuer {
  std::string name;       // its tokens' `iss`
  std::string jwks_file;  // its public keys
  // Set for an issuer whose keys are the callers' own: each key may sign only
  // for the subject that is its `kid`, and the role is this, whatever the token
  // claims. Otherwise the claim `role` is the role.
  std::string role_of_key_owners = {};
};

struct VerifierOptions {
  std::vector<Issuer> issuers;
  std::string audience;  // must be the token's `aud`, or among them
  // How far clocks may be apart, for `exp` and `nbf`.
  absl::Duration leeway = absl::Seconds(30);
  // How many verified tokens are remembered, about.
  size_t cache_limit = 10'000;
  // How often key files are looked at for changes.
  absl::Duration reload_every = absl::Seconds(5);
  Clock now = Now;
};

// Thread-safe. A token's signature is checked once: who it is for is remembered
// under the token's SHA-256 until it expires, so that a known token costs a
// hash and a look-up. Bounded: when the memory is full, the oldest half is
// forgotten. A key file that changes is read again, and then everything
// remembered is forgotten; if the new file is unusable, the keys stay as they
// were and the log says so.
class Verifier {
 public:
  // Fails with `INVALID_ARGUMENT`, naming the file, if keys cannot be read.
  static absl::StatusOr<std::unique_ptr<Verifier>> Create(
      VerifierOptions options);

  // Fails with `UNAUTHENTICATED` and one of the reasons above; the cause is for
  // the log. Never null when OK.
  absl::StatusOr<std::shared_ptr<const Identity>> Verify(
      absl::string_view token);

 private:
  using Digest = std::array<unsigned char, 32>;
  struct DigestHash {
    size_t operator()(const Digest& digest) const;
  };
  struct Verified {
    std::shared_ptr<const Identity> identity;
    absl::Time until;
  };
  using Cache = std::unordered_map<Digest, Verified, DigestHash>;
  struct KeyFile {
    Issuer issuer;
    std::string version;                 // of the file that `keys` are from
    std::optional<std::string> refused;  // of a file that was unusable
    std::vector<PublicKey> keys;
  };

  explicit Verifier(VerifierOptions options);
  absl::Status LoadKeys(KeyFile& file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReloadIfChanged(absl::Time now);
  absl::StatusOr<Verified> VerifyUnknown(absl::string_view token,
                                         absl::Time now);
  // The key that the token names, if we trust it.
  absl::StatusOr<PublicKey> KeyOf(const ParsedToken& token,
                                  const std::string& issuer,
                                  std::string* role_of_key_owners);

  const VerifierOptions options_;
  std::atomic<int64_t> look_again_ms_ = 0;
  Mutex mutex_;
  std::vector<KeyFile> files_ ABSL_GUARDED_BY(mutex_);
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  // of the keys
  // Two generations of tokens: when `young_` is half of the limit it becomes
  // `old_`, and what was old is forgotten.
  Cache young_ ABSL_GUARDED_BY(mutex_);
  Cache old_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace platform::auth
