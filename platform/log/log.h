// One JSON object per line on stderr.
//
//   log::Info("event handled", {{"event_id", id}, {"code", "OK"}});
//
// Every line has time, level, service and message; a field with an empty text
// is left out. Never log a DSN, a token or a customer's text. Thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace platform::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// One value of a line. `key` must outlive the call; use a literal.
struct Field {
  Field(absl::string_view k, absl::string_view v) : key(k), value(v) {}
  Field(absl::string_view k, const char* v) : Field(k, absl::string_view(v)) {}
  Field(absl::string_view k, const std::string& v)
      : Field(k, absl::string_view(v)) {}
  Field(absl::string_view k, int64_t v) : key(k), value(v) {}
  Field(absl::string_view k, int v) : key(k), value(int64_t{v}) {}
  Field(absl::string_view k, size_t v)
      : key(k), value(static_cast<int64_t>(v)) {}
  Field(absl::string_view k, double v) : key(k), value(v) {}
  Field(absl::string_view k, bool v) : key(k), value(v) {}
  // Milliseconds.
  Field(absl::string_view k, absl::Duration v)
      : key(k), value(absl::ToDoubleMilliseconds(v)) {}

  absl::string_view key;
  std::variant<absl::string_view, int64_t, double, bool> value;
};

// Says who writes. Call once, before any thread starts.
//   service       the name of the service
//   min_level     lines below are dropped
//   aggregate_key how this product calls the id of the thing that events are
//                 about; platform code logs such ids under this key
void Init(absl::string_view service, Level min_level,
          absl::string_view aggregate_key);

// The key given to Init().
absl::string_view AggregateKey();

// Returns the level called "debug", "info", "warning" or "error"; false if
// there is none.
bool ParseLevel(absl::string_view name, Level* level);

void Write(Level level, absl::string_view message,
           std::initializer_list<Field> fields);

inline void Debug(absl::string_view message,
                  std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, message, fields);
}
inline void Info(absl::string_view message,
                 std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warning(absl::string_view message,
                    std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, message, fields);
}
inline void Error(absl::string_view message,
                  std::initializer_list<Field> fields = {}) {
  Write(Level::kError, message, fields);
}

}  // namespace platform::log
