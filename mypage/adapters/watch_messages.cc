#include "mypage/adapters/watch_messages.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "mypage/adapters/mypage_proto.h"
#include "platform/grpc/status.h"
#include "platform/page/page_token.h"

namespace mypage {
namespace {

// Watchers that keep up ask for the same; those that do not, for many.
constexpr size_t kKeptEncodings = 8;

// A token is a mark and, for each view, the 16 bytes of its id and 2 of its
// version.
constexpr char kMark = 1;
constexpr size_t kEntrySize = 18;

Encoded Bytes(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return std::make_shared<const grpc::ByteBuffer>(&slice, 1);
}

std::string TokenScope(const WatchKey& key) {
  return absl::StrCat("WatchMypages/", key.customer_id, "/", key.page_size);
}

std::string PackUuid(absl::string_view uuid) {
  return absl::HexStringToBytes(absl::StrReplaceAll(uuid, {{"-", ""}}));
}

std::string UnpackUuid(absl::string_view bytes) {
  const std::string digits = absl::BytesToHexString(bytes);
  const absl::string_view text = digits;
  return absl::StrCat(text.substr(0, 8), "-", text.substr(8, 4), "-",
                      text.substr(12, 4), "-", text.substr(16, 4), "-",
                      text.substr(20));
}

}  // namespace

Encoded EncodeHeartbeat(const WatchKey& key, bool delayed) {
  v1::WatchMypagesResponse list;
  v1::WatchMypageResponse one;
  (key.is_list() ? list.mutable_heartbeat() : one.mutable_heartbeat())
      ->set_delayed(delayed);
  return key.is_list() ? Bytes(list) : Bytes(one);
}

Encoded EncodeEnd(const WatchKey& key, const absl::Status& status) {
  v1::WatchMypagesResponse list;
  v1::WatchMypageResponse one;
  (key.is_list() ? list.mutable_end() : one.mutable_end())
      ->mutable_error()
      ->ParseFromString(platform::rpc::ToGrpcStatus(status).error_details());
  return key.is_list() ? Bytes(list) : Bytes(one);
}

Encoded Publication::Since(uint64_t generation) const {
  platform::MutexLock lock(mutex_);
  for (const auto& [known, encoded] : encoded_) {
    if (known == generation) return encoded;
  }
  if (encoded_.size() == kKeptEncodings) encoded_.erase(encoded_.begin());
  encoded_.emplace_back(generation, Encode(state_.Since(generation)));
  return encoded_.back().second;
}

Encoded Publication::For(const WatchState::Versions& have) const {
  return Encode(state_.For(have));
}

Encoded Publication::Encode(const WatchState::Changes& changes) const {
  if (!key_.is_list()) {
    if (changes.views.empty()) return nullptr;
    v1::WatchMypageResponse response;
    ToProto(*changes.views.front(), response.mutable_mypage());
    return Bytes(response);
  }
  if (changes.empty()) return nullptr;
  v1::WatchMypagesResponse response;
  v1::MypageChanges* const told = response.mutable_changes();
  for (const MypageView* view : changes.views) {
    ToProto(*view, told->add_mypages());
  }
  told->set_complete(changes.complete);
  told->set_resume_token(ResumeToken(key_, state_));
  return Bytes(response);
}

std::string ResumeToken(const WatchKey& key, const WatchState& state) {
  std::string bytes(1, kMark);
  for (size_t i = 0; i < state.size(); ++i) {
    const MypageView& view = state.view(i);
    bytes += PackUuid(view.order_id());
    bytes += static_cast<char>(view.version() >> 8);
    bytes += static_cast<char>(view.version());
  }
  return platform::EncodePageToken(TokenScope(key), bytes);
}

absl::StatusOr<WatchState::Versions> ParseResumeToken(const WatchKey& key,
                                                      absl::string_view token) {
  const auto bytes = platform::DecodePageToken(TokenScope(key), token);
  if (!bytes.ok()) return bytes.status();
  WatchState::Versions versions;
  for (size_t at = 1; at + kEntrySize <= bytes->size(); at += kEntrySize) {
    const absl::string_view entry =
        absl::string_view(*bytes).substr(at, kEntrySize);
    versions[UnpackUuid(entry.substr(0, 16))] =
        static_cast<unsigned char>(entry[16]) << 8 |
        static_cast<unsigned char>(entry[17]);
  }
  return versions;
}

}  // namespace mypage
