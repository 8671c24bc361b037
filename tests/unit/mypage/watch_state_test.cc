// What a watcher lacks, whatever it has.

#include "mypage/adapters/watch_state.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mypage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// An order called `id` of which `version` events were heard.
MypageView AtVersion(const std::string& id, int version) {
  MypageView view(id);
  for (int i = 1; i <= version; ++i) {
    view.Apply(Header{7, 1, 1, 1, std::nullopt},
               {.event_id = absl::StrCat(id, i),
                .source = Source::kOrder,
                .version = i,
                .state = 1,
                .status = "ORDERED",
                .at = absl::UnixEpoch() + absl::Seconds(i),
                .by = "customer",
                .reason = ""});
  }
  return view;
}

std::vector<std::string> Told(const WatchState::Changes& changes) {
  std::vector<std::string> told;
  for (const MypageView* view : changes.views) {
    told.push_back(absl::StrCat(view->order_id(), view->version()));
  }
  if (changes.complete) told.emplace_back("all");
  return told;
}

TEST(WatchStateTest, TellsAllToWhoHasNothing) {
  const WatchState state(3, {AtVersion("b", 2), AtVersion("a", 1)});

  EXPECT_THAT(Told(state.Since(0)), ElementsAre("b2", "a1", "all"));
  EXPECT_THAT(Told(state.For({})), ElementsAre("b2", "a1"));
}

TEST(WatchStateTest, TellsThatThereIsNothing) {
  const WatchState state(3, {});

  EXPECT_THAT(Told(state.Since(0)), ElementsAre("all"));
  EXPECT_TRUE(state.For({}).empty());
}

TEST(WatchStateTest, TellsWhatHasChangedSince) {
  const WatchState one(3, {AtVersion("b", 1), AtVersion("a", 1)});
  const WatchState two(one, {AtVersion("b", 2), AtVersion("a", 1)});
  const WatchState three(
      two, {AtVersion("c", 1), AtVersion("b", 2), AtVersion("a", 1)});

  EXPECT_THAT(Told(three.Since(one.generation())), ElementsAre("c1", "b2"));
  EXPECT_THAT(Told(three.Since(two.generation())), ElementsAre("c1"));
  EXPECT_THAT(Told(three.Since(three.generation())), IsEmpty());
}

TEST(WatchStateTest, AReadThatFindsNothingNewIsNoGeneration) {
  const WatchState one(3, {AtVersion("a", 1)});
  const WatchState same(one, {AtVersion("a", 1)});

  EXPECT_EQ(same.generation(), one.generation());
}

TEST(WatchStateTest, WhatIsPushedOutIsNotMissed) {
  const WatchState one(2, {AtVersion("b", 1), AtVersion("a", 1)});
  const WatchState two(one, {AtVersion("c", 1), AtVersion("b", 1)});

  EXPECT_THAT(Told(two.Since(one.generation())), ElementsAre("c1"));
  EXPECT_THAT(Told(two.For({{"b", 1}, {"a", 1}})), ElementsAre("c1"));
}

TEST(WatchStateTest, WhatIsGoneIsForgotten) {
  const WatchState one(2, {AtVersion("c", 1), AtVersion("b", 1)});
  const WatchState two(one, {AtVersion("b", 1), AtVersion("a", 1)});

  EXPECT_THAT(Told(two.Since(one.generation())),
              ElementsAre("b1", "a1", "all"));
  EXPECT_THAT(Told(two.For({{"c", 1}, {"b", 1}})),
              ElementsAre("b1", "a1", "all"));
  // Once.
  const WatchState three(two, {AtVersion("b", 2), AtVersion("a", 1)});
  EXPECT_THAT(Told(three.Since(two.generation())), ElementsAre("b2"));
}

TEST(WatchStateTest, TellsWhatOneHasInAnotherVersion) {
  const WatchState state(
      3, {AtVersion("c", 1), AtVersion("b", 2), AtVersion("a", 3)});

  EXPECT_THAT(Told(state.For({{"a", 3}, {"b", 1}, {"c", 2}})),
              ElementsAre("c1", "b2"));
}

}  // namespace
}  // namespace mypage
