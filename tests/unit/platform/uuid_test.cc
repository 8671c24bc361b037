#include "platform/uuid/uuid.h"

#include <set>

#include "gtest/gtest.h"

namespace platform {
namespace {

const absl::Time kNow = absl::FromUnixMillis(0x0123456789ab);

TEST(UuidTest, IsOfVersion7) {
  const std::string id = NewUuid(kNow);

  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(ParseUuid(id), id);
  EXPECT_EQ(id[14], '7');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
}

TEST(UuidTest, BeginsWithTheTimeSoThatItSorts) {
  EXPECT_EQ(NewUuid(kNow).substr(0, 13), "01234567-89ab");
  EXPECT_LT(NewUuid(kNow), NewUuid(kNow + absl::Milliseconds(1)));
}

TEST(UuidTest, IsNewEveryTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 10000; ++i) ids.insert(NewUuid(kNow));

  EXPECT_EQ(ids.size(), 10000U);
}

TEST(UuidTest, ParsesToLowerCase) {
  EXPECT_EQ(ParseUuid("01234567-89AB-4DEF-8123-456789ABCDEF"),
            "01234567-89ab-4def-8123-456789abcdef");
}

TEST(UuidTest, RefusesWhatIsNoUuid) {
  for (const char* text : {
           "",
           "1",
           "0123456789ab-4def-8123-456789abcdef-",
           "01234567-89ab-4def-8123-456789abcde",
           "01234567-89ab-4def-8123-456789abcdef0",
           "01234567-89ab-4def-8123-456789abcdeg",
           "01234567-89ab-4def-8123x456789abcdef",
           "{1234567-89ab-4def-8123-456789abcde}",
           "01234567-89ab-4def-8123-456789abc'--",
       }) {
    EXPECT_EQ(ParseUuid(text), std::nullopt) << text;
  }
  EXPECT_EQ(
      ParseUuid(absl::string_view("01234567-89ab-4def-8123-456789abcde\0", 36)),
      std::nullopt);
}

}  // namespace
}  // namespace platform
