#include "tests/load/history.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace load {

using platform::MutexLock;

absl::StatusOr<std::unique_ptr<History>> History::Open(
    const std::string& path) {
  std::FILE* file = nullptr;
  if (!path.empty()) {
    file = std::fopen(path.c_str(), "we");
    if (file == nullptr) {
      return absl::UnavailableError(
          absl::StrCat(path, ": ", std::strerror(errno)));
    }
  }
  return std::unique_ptr<History>(new History(file));
}

History::~History() { Close().IgnoreError(); }

void History::Add(const Entry& entry) {
  nlohmann::ordered_json line = {{"op", entry.op},
                                 {"i", absl::ToUnixMicros(entry.intended)},
                                 {"s", absl::ToUnixMicros(entry.sent)},
                                 {"e", absl::ToUnixMicros(entry.ended)},
                                 {"code", entry.code}};
  const auto text = [&line](const char* name, const std::string& value) {
    if (!value.empty()) line[name] = value;
  };
  const auto number = [&line](const char* name, int32_t value) {
    if (value != 0) line[name] = value;
  };
  text("key", entry.key);
  number("c", entry.customer);
  number("r", entry.restaurant);
  number("m", entry.menu);
  number("q", entry.qty);
  text("o", entry.order_id);
  text("reason", entry.reason);
  if (entry.retry_after) line["retry"] = true;
  text("st", entry.status);
  number("v", entry.version);
  text("told", entry.told);
  const std::string written = line.dump() + "\n";
  MutexLock lock(mutex_);
  if (file_ == nullptr) return;
  if (std::fwrite(written.data(), 1, written.size(), file_) != written.size()) {
    failed_ = true;
  }
}

absl::Status History::Close() {
  MutexLock lock(mutex_);
  if (file_ != nullptr && std::fclose(file_) != 0) failed_ = true;
  file_ = nullptr;
  return failed_ ? absl::DataLossError("the history is incomplete: disk full?")
                 : absl::OkStatus();
}

}  // namespace load
