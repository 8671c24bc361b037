#include "gtest/gtest.h"

#include "platform/pg/dsn.h"

namespace platform::pg {
namespace {

TEST(PgDsnTest, BothFormsGetTimeouts) {
  EXPECT_EQ(WithTimeouts("host=db"),
            "host=db connect_timeout=3 tcp_user_timeout=5000 keepalives_idle=5 "
            "keepalives_interval=2");
  EXPECT_EQ(WithTimeouts("postgresql://db/x"),
            "postgresql://db/x?connect_timeout=3&tcp_user_timeout=5000"
            "&keepalives_idle=5&keepalives_interval=2");
}

TEST(PgDsnTest, WhatItSaysItselfStays) {
  EXPECT_EQ(WithTimeouts("postgresql://db/x?keepalives_idle=60&"
                         "connect_timeout=9&tcp_user_timeout=0"),
            "postgresql://db/x?keepalives_idle=60&connect_timeout=9&"
            "tcp_user_timeout=0&keepalives_interval=2");
}

TEST(PgDsnTest, WhatItTellsTheServerIsNoParameterOfOurs) {
  EXPECT_EQ(WithTimeouts("host=db options='-c tcp_user_timeout=9 -c "
                         "tcp_keepalives_idle=9'"),
            "host=db options='-c tcp_user_timeout=9 -c tcp_keepalives_idle=9' "
            "connect_timeout=3 tcp_user_timeout=5000 keepalives_idle=5 "
            "keepalives_interval=2");
  EXPECT_EQ(WithDefault(R"(password='\' host=' host = b)", "host", "a"),
            R"(password='\' host=' host = b)");
  EXPECT_EQ(WithDefault(R"(password='\' host=')", "host", "a"),
            R"(password='\' host=' host=a)");
}

}  // namespace
}  // namespace platform::pg
