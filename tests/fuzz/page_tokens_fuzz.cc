// Page tokens: any text as a token, and any key there and back.
#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/page/page_token.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<std::string> key =
      platform::DecodePageToken("ListOrders/7", text);
  if (!key.ok()) fuzz::ClaimBadInput(key.status());

  // A row always has a key.
  if (size == 0) return 0;
  const size_t middle = size / 2;
  const std::string scope = text.substr(0, middle);
  const std::string made =
      platform::EncodePageToken(scope, text.substr(middle));
  const auto back = platform::DecodePageToken(scope, made);
  fuzz::Claim(back.ok() && *back == text.substr(middle), "there and back");
  fuzz::Claim(!platform::DecodePageToken(scope + "x", made).ok(),
              "bound to its scope");
  return 0;
}
