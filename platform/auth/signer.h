// Tokens by which one service shows another who it is.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "platform/thread/mutex.h"
#include "platform/time/clock.h"

namespace platform::auth {

struct SignerOptions {
  std::string key_file;  // PEM, a private P-256 or RSA key
  // Who is speaking: `sub` and, because the key is its own, `kid`.
  std::string subject;
  std::string issuer;
  std::string audience;
  absl::Duration lifetime = absl::Minutes(5);
  Clock now = Now;
};

// Thread-safe. A token is used until a fifth of its lifetime is left; then the
// next one is signed.
class Signer {
 public:
  // Fails with `INVALID_ARGUMENT`, naming the file, if the key is unusable.
  static absl::StatusOr<std::unique_ptr<Signer>> Create(SignerOptions options);

  // A token that is valid for a while yet.
  std::string Token();

 private:
  Signer(SignerOptions options, std::string key);
  absl::StatusOr<std::string> Sign(absl::Time now) const;

  const SignerOptions options_;
  const std::string key_;
  Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
  absl::Time renew_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace platform::auth
