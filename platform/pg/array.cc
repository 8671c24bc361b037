#include "platform/pg/array.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "platform/pg/time.h"

namespace platform::pg {

void Array::Separate() {
  if (text_.size() > 1) text_ += ',';
}

Array& Array::Add(int64_t value) {
  Separate();
  absl::StrAppend(&text_, value);
  return *this;
}

// Always quoted, so that empty strings and the word NULL are themselves.
Array& Array::Add(absl::string_view value) {
  Separate();
  text_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

Array& Array::AddBytes(absl::string_view value) {
  Separate();
  absl::StrAppend(&text_, R"("\\x)", absl::BytesToHexString(value), "\"");
  return *this;
}

Array& Array::AddTime(absl::Time value) { return Add(ToSql(value)); }

Array& Array::AddNull() {
  Separate();
  text_ += "NULL";
  return *this;
}

}  // namespace platform::pg
