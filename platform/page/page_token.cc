#include "platform/page/page_token.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "platform/status/error.h"

namespace platform {
namespace {

constexpr size_t kSealSize = 8;

// FNV-1a of scope and key. Not a secret, and need not be: a forged token reads
// nothing that the method would not show anyway. It is there so that a token of
// another list, or half of one, is refused and not misread.
std::string Seal(absl::string_view scope, absl::string_view key) {
  uint64_t hash = 14695981039346656037U;
  const auto mix = [&hash](char c) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  for (const char c : scope) mix(c);
  mix('\0');
  for (const char c : key) mix(c);
  std::string seal(kSealSize, '\0');
  for (char& c : seal) {
    c = static_cast<char>(hash);
    hash >>= 8;
  }
  return seal;
}

}  // namespace

std::string EncodePageToken(absl::string_view scope, absl::string_view key) {
  return absl::WebSafeBase64Escape(absl::StrCat(Seal(scope, key), key));
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view scope,
                                            absl::string_view token) {
  if (token.empty()) return std::string();
  std::string bytes;
  if (absl::WebSafeBase64Unescape(token, &bytes) && bytes.size() > kSealSize) {
    std::string key = bytes.substr(kSealSize);
    if (EncodePageToken(scope, key) == token) return key;
  }
  FieldChecks checks;
  checks.Check(false, "page_token",
               "must be a next_page_token of this list with this filter");
  return checks.Result();
}

}  // namespace platform
