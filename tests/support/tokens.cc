#include "tests/support/tokens.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"

#include "platform/auth/jwt.h"

namespace test_support {
namespace {

using nlohmann::json;

std::string PrivatePem(EVP_PKEY* key) {
  BIO* out = BIO_new(BIO_s_mem());
  if (PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr,
                               nullptr) != 1) {
    Die("cannot write a key");
  }
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(out);
  return pem;
}

// A number of the key, base64url, at least `bytes` long.
std::string Number(EVP_PKEY* key, const char* name, int bytes) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) Die("no such number");
  std::string text(static_cast<size_t>(std::max(bytes, BN_num_bytes(number))),
                   '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()),
               static_cast<int>(text.size()));
  BN_free(number);
  return absl::WebSafeBase64Escape(text);
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
}

std::string Sign(const KeyPair& key, const json& claims) {
  auto token = platform::auth::SignToken(
      key.private_pem, key.jwk["kid"].get<std::string>(), claims.dump());
  if (!token.ok()) Die(token.status().ToString());
  return *std::move(token);
}

}  // namespace

KeyPair NewEcKey(const std::string& id, const char* curve) {
  EVP_PKEY* key = EVP_EC_gen(curve);
  if (key == nullptr) Die("cannot make an EC key");
  KeyPair pair{PrivatePem(key),
               {{"kid", id},
                {"kty", "EC"},
                {"crv", curve},
                {"alg", "ES256"},
                {"x", Number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)},
                {"y", Number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)}}};
  EVP_PKEY_free(key);
  return pair;
}

KeyPair NewRsaKey(const std::string& id, int bits) {
  EVP_PKEY* key = EVP_RSA_gen(static_cast<unsigned int>(bits));
  if (key == nullptr) Die("cannot make an RSA key");
  KeyPair pair{PrivatePem(key),
               {{"kid", id},
                {"kty", "RSA"},
                {"alg", "RS256"},
                {"n", Number(key, OSSL_PKEY_PARAM_RSA_N, 1)},
                {"e", Number(key, OSSL_PKEY_PARAM_RSA_E, 1)}}};
  EVP_PKEY_free(key);
  return pair;
}

std::string JwksOf(const std::vector<json>& jwks) {
  return json{{"keys", jwks}}.dump();
}

json ClaimsOf(const std::string& role, const std::string& subject,
              absl::Time now) {
  return {{"iss", "restaurant"},
          {"aud", "restaurant"},
          {"sub", subject},
          {"role", role},
          {"nbf", absl::ToUnixSeconds(now)},
          {"exp", absl::ToUnixSeconds(now + absl::Hours(1))}};
}

Issuers::Issuers() {
  Write(people_file(), JwksOf({people_.jwk}));
  Write(services_file(), JwksOf({order_.jwk}));
  Write(order_key_file(), order_.private_pem);
}

platform::auth::VerifierOptions Issuers::Options() const {
  return {.issuers = {{.name = "restaurant", .jwks_file = people_file()},
                      {.name = "restaurant-services",
                       .jwks_file = services_file(),
                       .role_of_key_owners = "service"}},
          .audience = "restaurant"};
}

std::unique_ptr<platform::auth::Access> Issuers::Enforce(
    platform::auth::Rules rules) const {
  auto verifier = platform::auth::Verifier::Create(Options());
  if (!verifier.ok()) Die(verifier.status().ToString());
  return std::make_unique<platform::auth::Access>(std::move(rules),
                                                  *std::move(verifier));
}

std::string Issuers::Person(const std::string& role, const std::string& subject,
                            const std::vector<int>& restaurants) const {
  json claims = ClaimsOf(role, subject);
  if (!restaurants.empty()) claims["restaurants"] = restaurants;
  return Sign(people_, claims);
}

std::string Issuers::OrderService() const {
  json claims = ClaimsOf("", "order");
  claims["iss"] = "restaurant-services";
  return Sign(order_, claims);
}

}  // namespace test_support
