// Opaque page tokens for keyset pagination (https://google.aip.dev/158).
//
// A token holds the key of the last row of a page, so the next page starts
// after it whatever was written meanwhile. It is bound to a scope, the method
// and its filter, and refused for any other.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace platform {

// Rows per page when the request says 0, and the most it may ask for.
inline constexpr int kDefaultPageSize = 20;
inline constexpr int kMaxPageSize = 100;

// Returns a token (URL-safe) for the page after the row with `key`, which must
// not be empty: an empty token is the first page.
std::string EncodePageToken(absl::string_view scope, absl::string_view key);

// Returns the key in `token`; "" for an empty token, the first page. Fails with
// `INVALID_ARGUMENT` / `INVALID_FIELD` (field `page_token`) if it was not made
// for `scope`.
absl::StatusOr<std::string> DecodePageToken(absl::string_view scope,
                                            absl::string_view token);

}  // namespace platform
