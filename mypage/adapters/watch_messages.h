// What watchers are told, as bytes: encoded once, however many hear it.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/byte_buffer.h"

#include "mypage/adapters/watch_state.h"
#include "platform/thread/mutex.h"

namespace mypage {

// What is watched: one order, or a customer's newest orders.
struct WatchKey {
  std::string order_id;     // empty: a list
  int32_t customer_id = 0;  // of a list
  int page_size = 1;

  bool is_list() const { return order_id.empty(); }
  friend auto operator<=>(const WatchKey&, const WatchKey&) = default;
};

// What a caller wants to watch.
struct WatchInput {
  WatchKey key;
  // What it has already; nothing: from the beginning.
  std::optional<WatchState::Versions> have;
};

// A response of the watching method, ready to be written.
using Encoded = std::shared_ptr<const grpc::ByteBuffer>;

Encoded EncodeHeartbeat(const WatchKey& key, bool delayed);
Encoded EncodeEnd(const WatchKey& key, const absl::Status& status);

// A state that watchers of `key` are told. Thread-safe.
class Publication {
 public:
  Publication(WatchKey key, WatchState state)
      : key_(std::move(key)), state_(std::move(state)) {}

  const WatchState& state() const { return state_; }

  // What is new since `generation`, or to somebody with the views `have`. Null
  // if there is nothing to say.
  Encoded Since(uint64_t generation) const;
  Encoded For(const WatchState::Versions& have) const;

 private:
  Encoded Encode(const WatchState::Changes& changes) const;

  const WatchKey key_;
  const WatchState state_;
  mutable platform::Mutex mutex_;
  // Of the latest generations that were asked for, oldest first.
  mutable std::vector<std::pair<uint64_t, Encoded>> encoded_
      ABSL_GUARDED_BY(mutex_);
};

// The resume token of a list in this state, and the versions in one that the
// same list gave; fails with `INVALID_ARGUMENT` for any other.
std::string ResumeToken(const WatchKey& key, const WatchState& state);
absl::StatusOr<WatchState::Versions> ParseResumeToken(const WatchKey& key,
                                                      absl::string_view token);

}  // namespace mypage
