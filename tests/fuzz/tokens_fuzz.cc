// JSON Web Tokens and key sets: any text as the one and as the other.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "platform/auth/jwks.h"
#include "platform/auth/jwt.h"
#include "tests/fuzz/check.h"

namespace {

using platform::auth::ParsedToken;
using platform::auth::PublicKey;

// Nobody has its other half.
constexpr char kKeys[] =
    R"({"keys": [{"kid": "key", "kty": "EC", "crv": "P-256",
    "x": "JvSdGJlY4zojkWVWqFmHL5itGs-2In5s_HPnsz2kVoU",
    "y": "34MaEUM4Z8iVLbXh_Nlc0E4zlh71IUMo3drrj2sqy5E"}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const PublicKey* const key =
      new PublicKey(platform::auth::ParseJwks(kKeys).value().front());
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<ParsedToken> token = platform::auth::ParseToken(text);
  if (token.has_value()) {
    fuzz::Claim(!platform::auth::SignatureHolds(*token, *key), "forged");
  }
  const auto keys = platform::auth::ParseJwks(text);
  if (keys.ok()) {
    fuzz::Claim(!keys->empty(), "a key set without keys");
    for (const PublicKey& each : *keys) fuzz::Claim(!each.id.empty(), "kid");
  } else {
    fuzz::Claim(absl::IsInvalidArgument(keys.status()), "code");
  }
  return 0;
}
