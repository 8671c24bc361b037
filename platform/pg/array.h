// Postgres array literals: how a whole batch of rows travels as one statement's
// parameters (`unnest($1::uuid[], $2::int[], …)`), one round trip for any
// number of rows.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace platform::pg {

// Builds the text of a one-dimensional array. Not thread-safe.
class Array {
 public:
  Array& Add(int64_t value);
  Array& Add(absl::string_view value);  // text, uuid, …; quoted as needed
  Array& AddBytes(absl::string_view value);  // bytea
  Array& AddTime(absl::Time value);          // timestamptz
  Array& AddNull();

  // The literal, e.g. `{1,2}`.
  std::string text() const { return text_ + "}"; }

 private:
  void Separate();
  std::string text_ = "{";
};

}  // namespace platform::pg
