#include "gateway/page_answers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "gateway/assets.h"
#include "tests/support/status_matchers.h"

namespace gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PageAnswersTest, TheLanguageIsTheOneLikedBest) {
  EXPECT_EQ(PreferredLanguage(""), "en");
  EXPECT_EQ(PreferredLanguage("ko"), "ko");
  EXPECT_EQ(PreferredLanguage("KO-kr"), "ko");
  EXPECT_EQ(PreferredLanguage("en-GB,en;q=0.9,ko;q=0.8"), "en");
  EXPECT_EQ(PreferredLanguage("en;q=0.2, ko;q=0.8"), "ko");
  EXPECT_EQ(PreferredLanguage("fr, ko;q=0.1"), "ko");
  EXPECT_EQ(PreferredLanguage("ko;q=0"), "en");
  EXPECT_EQ(PreferredLanguage("ko;q=x"), "en");
  EXPECT_EQ(PreferredLanguage("kok, de"), "en");
  EXPECT_EQ(PreferredLanguage(",;=,;q=,"), "en");
}

TEST(PageAnswersTest, LoopbackIsThisMachineOnly) {
  for (const char* host : {"localhost", "localhost:8088", "127.0.0.1",
                           "127.0.0.1:80", "[::1]", "[::1]:8088"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host : {"", "restaurant.example", "localhost.example:80",
                           "127.0.0.1.example", "10.0.0.1:8088", "[::2]:80"}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

TEST(PageAnswersTest, GzipOnlyForWhoTakesIt) {
  EXPECT_TRUE(AcceptsGzip("gzip, deflate, br"));
  EXPECT_TRUE(AcceptsGzip("br;q=1.0, GZIP;q=0.5"));
  EXPECT_FALSE(AcceptsGzip(""));
  EXPECT_FALSE(AcceptsGzip("br, gzip;q=0"));
  EXPECT_FALSE(AcceptsGzip("xgzip"));
}

TEST(PageAnswersTest, ATokenIsWhatFollowsBearer) {
  EXPECT_EQ(BearerToken("Bearer a.b.c"), "a.b.c");
  EXPECT_EQ(BearerToken("bearer  a.b.c "), "a.b.c");
  EXPECT_EQ(BearerToken("Basic a"), "");
  EXPECT_EQ(BearerToken(""), "");
}

TEST(PageAnswersTest, ClaimsAreTheMiddleOfAToken) {
  const auto claims = ClaimsOf("eyJ9.eyJyb2xlIjoiY291cmllciJ9.c2ln");
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(*claims, R"({"role":"courier"})");
  for (const char* token : {"", "a.b", "a.b.c.d", "a.!!.c", "a.eyJ.c"}) {
    EXPECT_EQ(ClaimsOf(token).status().code(),
              absl::StatusCode::kInvalidArgument)
        << token;
  }
}

TEST(PageAnswersTest, ACookieIsOutOfReach) {
  EXPECT_EQ(SessionCookie("a.b.c", false),
            "restaurant_token=a.b.c; Path=/; HttpOnly; SameSite=Strict");
  EXPECT_THAT(SessionCookie("a.b.c", true), HasSubstr("; Secure"));
  EXPECT_THAT(SessionCookie("a.b.c", true), Not(HasSubstr("Max-Age")));
  EXPECT_THAT(SessionCookie("", false), HasSubstr("Max-Age=0"));
}

TEST(AssetsTest, EveryFileIsThereTwice) {
  EXPECT_EQ(AssetsVersion().size(), 16U);
  EXPECT_GT(Assets().size(), 5U);
  for (const Asset& asset : Assets()) {
    EXPECT_FALSE(asset.plain.empty()) << asset.name;
    EXPECT_EQ(asset.gzip.substr(0, 2), "\x1f\x8b") << asset.name;
  }
}

}  // namespace
}  // namespace gateway
