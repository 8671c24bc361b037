#include "platform/auth/jwks.h"

#include <openssl/core_names.h>

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "platform/auth/json.h"
#include "platform/auth/openssl_handles.h"
#include "platform/status/error.h"

namespace platform::auth {
namespace {

using nlohmann::json;

constexpr int kLeastRsaBits = 2048;
constexpr size_t kCoordinateBytes = 32;

std::string Bytes(const json& key, const char* name) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(TextOf(key, name), &bytes)) bytes.clear();
  return bytes;
}

Bn Number(const std::string& bytes) {
  return Bn(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()), nullptr));
}

Pkey Build(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    return nullptr;
  }
  return Pkey(key);
}

Pkey RsaKey(const json& jwk) {
  const Bn n = Number(Bytes(jwk, "n"));
  const Bn e = Number(Bytes(jwk, "e"));
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  Pkey key = Build("RSA", builder.get());
  if (key != nullptr && EVP_PKEY_get_bits(key.get()) < kLeastRsaBits) {
    return nullptr;
  }
  return key;
}

Pkey EcKey(const json& jwk) {
  const std::string x = Bytes(jwk, "x");
  const std::string y = Bytes(jwk, "y");
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return nullptr;
  }
  const std::string point = absl::StrCat("\x04", x, y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                  "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                   point.data(), point.size());
  return Build("EC", builder.get());
}

absl::Status Bad(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_JWKS", what);
}

}  // namespace

absl::StatusOr<std::vector<PublicKey>> ParseJwks(absl::string_view text) {
  const json set = json::parse(text.begin(), text.end(), nullptr,
                               /*allow_exceptions=*/false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return Bad("is no JSON Web Key Set");
  }
  std::vector<PublicKey> keys;
  for (const json& jwk : set["keys"]) {
    if (!jwk.is_object()) return Bad("has a key that is no JSON object");
    PublicKey key;
    key.id = TextOf(jwk, "kid");
    const std::string type = TextOf(jwk, "kty");
    const std::string alg = TextOf(jwk, "alg");
    if (key.id.empty() || TextOf(jwk, "use") == "enc") continue;
    Pkey parsed;
    if (type == "EC" && TextOf(jwk, "crv") == "P-256" &&
        (alg.empty() || alg == "ES256")) {
      key.algorithm = Algorithm::kEs256;
      parsed = EcKey(jwk);
    } else if (type == "RSA" && (alg.empty() || alg == "RS256")) {
      key.algorithm = Algorithm::kRs256;
      parsed = RsaKey(jwk);
    } else {
      continue;
    }
    if (parsed == nullptr) {
      return Bad(absl::StrCat("has a broken key, or an RSA key below ",
                              kLeastRsaBits, " bits: ", key.id));
    }
    key.key = std::move(parsed);
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return Bad("has no P-256 or RSA key with a kid");
  return keys;
}

}  // namespace platform::auth
