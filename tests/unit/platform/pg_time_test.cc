#include <gtest/gtest.h>

#include "platform/pg/time.h"

namespace platform::pg {
namespace {

TEST(PgTimeTest, IsWrittenInUtcWithMicroseconds) {
  EXPECT_EQ(ToSql(FromMicros(0)), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(ToSql(FromMicros(1'700'000'000'000'001)),
            "2023-11-14 22:13:20.000001+00");
  EXPECT_EQ(ToSql(FromMicros(-1)), "1969-12-31 23:59:59.999999+00");
}

}  // namespace
}  // namespace platform::pg
