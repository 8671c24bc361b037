// Keys and tokens of a test's own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

#include "platform/auth/access.h"
#include "platform/auth/verifier.h"
#include "tests/support/process.h"

namespace test_support {

// A new key pair. Aborts the test if it cannot be made.
struct KeyPair {
  std::string private_pem;
  nlohmann::json jwk;  // the public half, with `id` as its kid
};
KeyPair NewEcKey(const std::string& id, const char* curve = "P-256");
KeyPair NewRsaKey(const std::string& id, int bits = 2048);

// The text of a key set.
std::string JwksOf(const std::vector<nlohmann::json>& jwks);

// Claims of a good token of a person, for platform::auth::SignToken().
nlohmann::json ClaimsOf(const std::string& role, const std::string& subject,
                        absl::Time now = absl::Now());

// Two issuers that a service trusts: one for people, one for services.
class Issuers {
 public:
  Issuers();

  // Rules enforced with these issuers' keys.
  std::unique_ptr<platform::auth::Access> Enforce(
      platform::auth::Rules rules) const;
  platform::auth::VerifierOptions Options() const;

  // A person's token; `restaurants` for kitchens.
  std::string Person(const std::string& role, const std::string& subject,
                     const std::vector<int>& restaurants = {}) const;
  // The token of service `order`, whose key is known.
  std::string OrderService() const;

  const KeyPair& people() const { return people_; }
  const KeyPair& order() const { return order_; }
  std::string people_file() const { return folder_.path() + "/people.json"; }
  std::string services_file() const {
    return folder_.path() + "/services.json";
  }
  std::string order_key_file() const { return folder_.path() + "/order.pem"; }

 private:
  TempDir folder_;
  const KeyPair people_ = NewEcKey("people");
  const KeyPair order_ = NewEcKey("order");
};

}  // namespace test_support
