#include "platform/auth/jwt.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
// Heavy, and it defines functions that are not inline: here only.
#include "nlohmann/json.hpp"

#include "jwt/jwt.hpp"
#include "platform/auth/json.h"
#include "platform/auth/openssl_handles.h"
#include "platform/status/error.h"

namespace platform::auth {
namespace {

using nlohmann::json;
using Rs256 = jwt::PEMSign<jwt::algo::RS256>;
using Es256 = jwt::PEMSign<jwt::algo::ES256>;

jwt::string_view View(absl::string_view text) {
  return {text.data(), text.size()};
}

const char* NameOf(Algorithm algorithm) {
  return algorithm == Algorithm::kRs256 ? "RS256" : "ES256";
}

// Stricter than the decoders, which skip or tolerate what they do not know.
bool IsBase64Url(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
           c == '_';
  });
}

// The text of a JSON object, or nothing.
std::optional<json> ObjectIn(absl::string_view part, std::string* text) {
  if (!absl::WebSafeBase64Unescape(part, text)) return std::nullopt;
  json object = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  return object;
}

const unsigned char* Data(const std::string& bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// A JWT's ES256 signature, r and s of 32 bytes each (RFC 7518, 3.4), in the
// form that OpenSSL checks; "" if it is none.
std::string DerOf(const std::string& signature) {
  constexpr size_t kHalf = 32;
  if (signature.size() != 2 * kHalf) return "";
  const EcdsaSignature pair(ECDSA_SIG_new());
  Bn r(BN_bin2bn(Data(signature), kHalf, nullptr));
  Bn s(BN_bin2bn(Data(signature) + kHalf, kHalf, nullptr));
  if (pair == nullptr || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) {
    return "";
  }
  // The pair's now.
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0) return "";
  std::string der(static_cast<size_t>(size), 0);
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

// How a private key signs. Asked of OpenSSL, because cpp-jwt leaks a key that
// it is given for another algorithm.
std::optional<Algorithm> AlgorithmOf(absl::string_view private_key_pem) {
  const Bio bio(BIO_new_mem_buf(private_key_pem.data(),
                                static_cast<int>(private_key_pem.size())));
  // A key with a pass phrase is none of ours, and nobody is to be asked for it.
  const Pkey key(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  const int kind = key == nullptr ? 0 : EVP_PKEY_get_base_id(key.get());
  if (kind == EVP_PKEY_EC) {
    std::array<char, 32> curve{};
    return EVP_PKEY_get_group_name(key.get(), curve.data(), curve.size(),
                                   nullptr) == 1 &&
                   std::string(curve.data()) == SN_X9_62_prime256v1
               ? std::optional(Algorithm::kEs256)
               : std::nullopt;
  }
  if (kind == EVP_PKEY_RSA) return Algorithm::kRs256;
  return std::nullopt;
}

}  // namespace

std::optional<ParsedToken> ParseToken(absl::string_view token) {
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3 ||
      !std::all_of(parts.begin(), parts.end(), IsBase64Url)) {
    return std::nullopt;
  }
  ParsedToken parsed;
  std::string header_text;
  const std::optional<json> header = ObjectIn(parts[0], &header_text);
  // `crit` names extensions that must be understood; we know none.
  if (!header.has_value() || header->contains("crit") ||
      !ObjectIn(parts[1], &parsed.claims).has_value()) {
    return std::nullopt;
  }
  parsed.algorithm = TextOf(*header, "alg");
  parsed.key_id = TextOf(*header, "kid");
  parsed.signed_text =
      std::string(token.substr(0, parts[0].size() + 1 + parts[1].size()));
  parsed.signature = std::string(parts[2]);
  return parsed;
}

bool SignatureHolds(const ParsedToken& token, const PublicKey& key) {
  if (token.algorithm != NameOf(key.algorithm)) return false;
  std::string signature;
  if (!absl::WebSafeBase64Unescape(token.signature, &signature)) return false;
  if (key.algorithm == Algorithm::kEs256) signature = DerOf(signature);
  const DigestContext context(EVP_MD_CTX_new());
  const bool holds =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                           key.key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Data(signature), signature.size(),
                       Data(token.signed_text), token.signed_text.size()) == 1;
  // What a bad signature leaves there is not for who uses this thread next.
  if (!holds) ERR_clear_error();
  return holds;
}

absl::StatusOr<std::string> SignToken(absl::string_view private_key_pem,
                                      absl::string_view key_id,
                                      absl::string_view claims) {
  try {
    const std::optional<Algorithm> algorithm = AlgorithmOf(private_key_pem);
    if (algorithm.has_value()) {
      const json header = {{"alg", NameOf(*algorithm)},
                           {"kid", std::string(key_id)},
                           {"typ", "JWT"}};
      const std::string text =
          absl::StrCat(absl::WebSafeBase64Escape(header.dump()), ".",
                       absl::WebSafeBase64Escape(claims));
      auto* const sign =
          *algorithm == Algorithm::kRs256 ? Rs256::sign : Es256::sign;
      const auto [signature, error] = sign(View(private_key_pem), View(text));
      if (!error) {
        return absl::StrCat(text, ".", absl::WebSafeBase64Escape(signature));
      }
    }
  } catch (const std::exception&) {
    // Falls through: its text could hold parts of the key.
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_KEY",
               "the key is no PEM of a private P-256 or RSA key");
}

}  // namespace platform::auth
