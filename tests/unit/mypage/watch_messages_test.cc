// Tokens and notices: texts that come back as what they were.

#include "mypage/adapters/watch_messages.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "mypage/adapters/change_notice.h"
#include "tests/support/status_matchers.h"

namespace mypage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const WatchKey kList = {.order_id = "", .customer_id = 7, .page_size = 20};
constexpr char kOrder[] = "0197e3b0-1234-7abc-8def-0123456789ab";

MypageView View(const std::string& id, int version) {
  std::vector<Entry> timeline;
  for (int i = 1; i <= version; ++i) {
    timeline.push_back({.event_id = absl::StrFormat("%s%04d", id, i),
                        .source = Source::kOrder,
                        .version = i,
                        .state = 1,
                        .status = "ORDERED",
                        .at = absl::UnixEpoch() + absl::Seconds(i),
                        .by = "",
                        .reason = ""});
  }
  return MypageView::Restore(id, Header{7, 1, 1, 1, std::nullopt}, timeline);
}

TEST(ResumeTokenTest, HoldsTheVersions) {
  const std::string other = "ffffffff-ffff-7fff-bfff-ffffffffffff";
  const WatchState state(20, {View(other, 1000), View(kOrder, 1)});

  const auto have = ParseResumeToken(kList, ResumeToken(kList, state));

  ASSERT_THAT(have, ::test_support::IsOk());
  EXPECT_THAT(*have, UnorderedElementsAre(Pair(kOrder, 1), Pair(other, 1000)));
}

TEST(ResumeTokenTest, OfAnEmptyListIsNotEmpty) {
  const std::string token = ResumeToken(kList, WatchState(20, {}));

  EXPECT_NE(token, "");
  const auto have = ParseResumeToken(kList, token);
  ASSERT_THAT(have, ::test_support::IsOk());
  EXPECT_THAT(*have, IsEmpty());
}

TEST(ResumeTokenTest, IsRefusedByAnotherList) {
  const std::string token = ResumeToken(kList, WatchState(20, {}));
  WatchKey other = kList;
  other.customer_id = 8;

  EXPECT_FALSE(ParseResumeToken(other, token).ok());
  EXPECT_FALSE(ParseResumeToken(kList, token + "AA").ok());
}

TEST(ChangeNoticeTest, SaysWhatHasChanged) {
  const ChangeNotice heard = ParsePayload(absl::StrCat(kOrder, ":7 x:0"));

  EXPECT_FALSE(heard.all);
  EXPECT_THAT(heard.changes, ElementsAre(ChangeNotice::Change{kOrder, 7},
                                         ChangeNotice::Change{"x", 0}));
}

TEST(ChangeNoticeTest, WhatCannotBeReadMeansAll) {
  EXPECT_TRUE(ParsePayload("*").all);
  EXPECT_TRUE(ParsePayload("rubbish").all);
  EXPECT_TRUE(ParsePayload("a:7 b:").all);
}

}  // namespace
}  // namespace mypage
