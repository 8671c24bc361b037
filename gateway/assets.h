// The files of gateway/page/, as they are inside this program.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gateway {

struct Asset {
  absl::string_view name;  // of the file, without folder
  absl::string_view plain;
  absl::string_view gzip;
};

absl::Span<const Asset> Assets();

// A hash of all of them: a path with this version in it never changes what it
// names.
absl::string_view AssetsVersion();

}  // namespace gateway
