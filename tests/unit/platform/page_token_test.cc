#include "platform/page/page_token.h"

#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"

namespace platform {
namespace {

using test_support::Fails;

TEST(PageTokenTest, ComesBackAsTheKey) {
  const std::string token = EncodePageToken("List:1", "some key");

  EXPECT_EQ(DecodePageToken("List:1", token).value(), "some key");
}

TEST(PageTokenTest, KeysMayBeAnyBytes) {
  std::string key;
  for (int c = 0; c < 256; ++c) key += static_cast<char>(c);

  const std::string token = EncodePageToken("List", key);

  EXPECT_EQ(DecodePageToken("List", token).value(), key);
  // It travels in URLs.
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(PageTokenTest, NoTokenIsTheFirstPage) {
  EXPECT_EQ(DecodePageToken("List", "").value(), "");
}

TEST(PageTokenTest, IsRefusedForAnotherListOrFilter) {
  const std::string token = EncodePageToken("List:1", "key");

  EXPECT_THAT(DecodePageToken("List:2", token),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(DecodePageToken("List:", token),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST(PageTokenTest, IsRefusedIfAnyCharacterIsChanged) {
  const std::string token = EncodePageToken("List", "some key");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_THAT(DecodePageToken("List", changed),
                Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
        << changed;
  }
}

TEST(PageTokenTest, IsRefusedIfItIsCutShort) {
  const std::string token = EncodePageToken("List", "some key");
  for (size_t size = 1; size < token.size(); ++size) {
    EXPECT_THAT(DecodePageToken("List", token.substr(0, size)),
                Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"))
        << size;
  }
}

TEST(PageTokenTest, IsRefusedIfItIsGarbage) {
  for (const char* garbage : {"x", "!!!", "AAAAAAAAAAA", "AAAAAAAAAAAAAAAA",
                              "' OR 1=1 --", "\xff\xfe"}) {
    const auto key = DecodePageToken("List", garbage);
    EXPECT_THAT(key,
                Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
    EXPECT_EQ(DetailOf(key.status(), "field"), "page_token");
  }
}

}  // namespace
}  // namespace platform
