#include <gtest/gtest.h>

#include "platform/pg/array.h"

namespace platform::pg {
namespace {

TEST(ArrayTest, OfNothing) { EXPECT_EQ(Array().text(), "{}"); }

TEST(ArrayTest, OfNumbersAndNulls) {
  Array array;
  array.Add(1).Add(-2).AddNull().Add(INT64_MAX).Add(INT64_MIN);

  EXPECT_EQ(array.text(),
            "{1,-2,NULL,9223372036854775807,-9223372036854775808}");
}

TEST(ArrayTest, QuotesText) {
  Array array;
  array.Add("plain")
      .Add("")
      .Add("NULL")
      .Add("a,b")
      .Add("{}")
      .Add(R"(say "hi")")
      .Add(R"(back\slash)")
      .Add("line\nbreak")
      .Add(" 비빔밥 ");

  EXPECT_EQ(array.text(),
            R"({"plain","","NULL","a,b","{}","say \"hi\"","back\\slash",)"
            "\"line\nbreak\",\" 비빔밥 \"}");
}

TEST(ArrayTest, WritesBytesAsHex) {
  Array array;
  array.AddBytes(absl::string_view("\x00\xff", 2)).AddBytes("");

  EXPECT_EQ(array.text(), R"({"\\x00ff","\\x"})");
}

TEST(ArrayTest, WritesTimesInMicroseconds) {
  Array array;
  array.AddTime(absl::FromUnixMicros(1'700'000'000'123'456));

  EXPECT_EQ(array.text(), R"({"2023-11-14 22:13:20.123456+00"})");
}

}  // namespace
}  // namespace platform::pg
