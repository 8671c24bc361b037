#include "mypage/adapters/timeline_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/mypage/lives.h"

namespace mypage {
namespace {

using ::testing::IsEmpty;

TEST(TimelineTextTest, ReadsAsAPersonWouldWriteIt) {
  const Heard heard =
      Event(2, Source::kCook, 2, 3, "COOK_CANCELLED", "customer", "too late");

  EXPECT_EQ(
      ToText({heard.entry}),
      "2026-07-04T12:00:02.000000Z\tcook\t2\t3\tCOOK_CANCELLED\tcustomer\t"
      "0197e3b0-0000-7000-8000-0000000e0002\ttoo late");
}

TEST(TimelineTextTest, ComesBackAsItWas) {
  for (const std::vector<Heard>& life : Lives()) {
    std::vector<Entry> timeline;
    for (const Heard& heard : life) timeline.push_back(heard.entry);

    const auto back = ParseTimeline(ToText(timeline));

    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, timeline);
  }
}

TEST(TimelineTextTest, NoTextBreaksALine) {
  std::vector<Entry> timeline = {Lives()[0][0].entry, Lives()[0][1].entry};
  timeline[0].reason = std::string("tab\t, line\n, nul\0, \\, \\n, \\", 27);
  timeline[0].by = "some\tone";
  timeline[0].status = "A\nB";
  timeline[0].at += absl::Microseconds(123456);
  timeline[1].reason = "김치 \"; DROP TABLE mypage_views; -- {}'";
  timeline[1].state = -2147483647;  // from a publisher that we do not know yet
  timeline[1].at = absl::FromUnixMicros(-1);

  const auto back = ParseTimeline(ToText(timeline));

  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, timeline);
}

TEST(TimelineTextTest, NothingIsNoLines) {
  EXPECT_EQ(ToText({}), "");
  EXPECT_THAT(*ParseTimeline(""), IsEmpty());
}

TEST(TimelineTextTest, FieldsOfANewerProgramAreIgnored) {
  const Entry entry = Lives()[0][0].entry;

  const auto back = ParseTimeline(ToText({entry}) + "\tmore\tand more");

  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, std::vector<Entry>{entry});
}

TEST(TimelineTextTest, WhatIsNoTimelineIsRefused) {
  const std::string good = ToText({Lives()[0][0].entry});
  for (const std::string& bad : std::vector<std::string>{
           "x", good + "\n", good.substr(1),
           "2026-07-04T12:00:02.000000Z\tbaker\t2\t3\tA\tb\tc\td",
           "2026-07-04T12:00:02.000000Z\tcook\ttwo\t3\tA\tb\tc\td",
           "2026-07-04T12:00:02.000000Z\tcook\t2\t3\tA\tb\tc"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseTimeline(bad).status())) << bad;
  }
}

}  // namespace
}  // namespace mypage
