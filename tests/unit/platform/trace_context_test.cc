#include "platform/trace/trace_context.h"

#include "gtest/gtest.h"

namespace platform {
namespace {

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kParent[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContextTest, ContinuesATraceWithASpanOfItsOwn) {
  const TraceContext trace = ContinueTrace(kParent);

  EXPECT_EQ(trace.trace_id, kTrace);
  EXPECT_NE(trace.span_id, "b7ad6b7169203331");
  EXPECT_EQ(trace.span_id.size(), 16U);
  EXPECT_TRUE(trace.sampled);
  EXPECT_EQ(trace.Traceparent(),
            std::string("00-") + kTrace + "-" + trace.span_id + "-01");
}

TEST(TraceContextTest, KeepsTheSampledFlag) {
  const std::string parent(kParent, 53);
  EXPECT_FALSE(ContinueTrace(parent + "00").sampled);
  EXPECT_TRUE(ContinueTrace(parent + "03").sampled);
  // Hex letters, too: a is even, b is odd.
  EXPECT_FALSE(ContinueTrace(parent + "0a").sampled);
  EXPECT_TRUE(ContinueTrace(parent + "0b").sampled);
  EXPECT_EQ(ContinueTrace(parent + "0a").Traceparent().substr(52), "-00");
}

TEST(TraceContextTest, AcceptsWhatLaterVersionsAppend) {
  EXPECT_EQ(ContinueTrace(
                "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more")
                .trace_id,
            kTrace);
}

TEST(TraceContextTest, StartsANewTraceIfThereIsNone) {
  const TraceContext one = ContinueTrace("");
  const TraceContext two = ContinueTrace("");

  EXPECT_EQ(one.trace_id.size(), 32U);
  EXPECT_NE(one.trace_id, two.trace_id);
  EXPECT_EQ(ContinueTrace(one.Traceparent()).trace_id, one.trace_id);
}

TEST(TraceContextTest, StartsANewTraceIfTheHeaderIsMalformed) {
  for (const char* bad : {
           "00",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "zz-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
           "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
       }) {
    const TraceContext trace = ContinueTrace(bad);
    EXPECT_NE(trace.trace_id, kTrace) << bad;
    EXPECT_NE(trace.trace_id, std::string(32, '0')) << bad;
    EXPECT_EQ(trace.trace_id.size(), 32U) << bad;
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

TEST(TraceContextTest, TheTraceIdCanBeReadAlone) {
  EXPECT_EQ(TraceIdOf(kParent), kTrace);
  EXPECT_EQ(TraceIdOf(""), "");
}

}  // namespace
}  // namespace platform
