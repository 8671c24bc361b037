#include "platform/page/page_token.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "platform/status/error.h"

namespace platform {
namespace {

// FNV-1a. Not a secret: a token gives nothing that the filter would not; the
// sum is there to notice a token of another list, or half of one.
std::string Sum(absl::string_view scope, absl::string_view key) {
  uint64_t hash = 14695981039346656037U;
  for (const absl::string_view part : {scope, absl::string_view("\n"), key}) {
    for (const char c : part) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    }
  }
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad16));
}

}  // namespace

std::string EncodePageToken(absl::string_view scope, absl::string_view key) {
  return absl::WebSafeBase64Escape(absl::StrCat(Sum(scope, key), key));
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view scope,
                                            absl::string_view token) {
  if (token.empty()) return std::string();
  std::string bytes;
  constexpr size_t kSumSize = 16;
  const bool known = absl::WebSafeBase64Unescape(token, &bytes) &&
                     bytes.size() > kSumSize &&
                     bytes.substr(0, kSumSize) ==
                         Sum(scope, absl::string_view(bytes).substr(kSumSize));
  FieldChecks checks;
  checks.Check(known, "page_token",
               "must be a next_page_token of this list with the same filter");
  if (absl::Status bad = checks.Result(); !bad.ok()) return bad;
  return bytes.substr(kSumSize);
}

}  // namespace platform
