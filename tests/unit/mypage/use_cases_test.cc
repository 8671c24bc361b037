#include "mypage/app/use_cases.h"

#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/mypage/lives.h"

namespace mypage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps views in memory and notes what it was asked.
class FakeStore final : public MypageStore {
 public:
  absl::StatusOr<absl::flat_hash_set<std::string>> Known(
      absl::Span<const std::string> order_ids) override {
    absl::flat_hash_set<std::string> known;
    for (const std::string& id : order_ids) {
      if (views.contains(id) && !just_added.contains(id)) known.insert(id);
    }
    return known;
  }
  absl::StatusOr<absl::flat_hash_set<std::string>> Insert(
      absl::Span<const MypageView* const> news) override {
    absl::flat_hash_set<std::string> inserted;
    for (const MypageView* view : news) {
      asked.push_back(view->order_id());
      if (views.emplace(view->order_id(), *view).second) {
        inserted.insert(view->order_id());
      }
    }
    return inserted;
  }
  absl::StatusOr<std::vector<MypageView>> Load(
      absl::Span<const std::string> order_ids) override {
    std::vector<MypageView> loaded;
    for (const std::string& id : order_ids) {
      locked.push_back(id);
      loaded.push_back(views.at(id));
    }
    return loaded;
  }
  absl::Status Update(absl::Span<const MypageView> news) override {
    for (const MypageView& view : news) {
      updated.push_back(view.order_id());
      views.at(view.order_id()) = view;
    }
    return absl::OkStatus();
  }

  void Forget() {
    asked.clear();
    locked.clear();
    updated.clear();
  }

  std::map<std::string, MypageView> views;
  // Views that somebody else adds just after it was asked which are known.
  std::set<std::string> just_added;
  std::vector<std::string> asked, locked, updated;
};

Heard Of(const std::string& order_id, Heard heard) {
  heard.order_id = order_id;
  return heard;
}

TEST(ApplyEventsTest, ManyEventsOfAnOrderAreOneRow) {
  FakeStore store;

  EXPECT_TRUE(ApplyEvents(store, Lives()[0]).ok());

  EXPECT_EQ(store.views.at(kOrderId).version(), 6);
  EXPECT_THAT(store.locked, IsEmpty());
  EXPECT_THAT(store.updated, IsEmpty());
}

// Batches of three consumers meet on the same rows; that they do not deadlock
// rests on this.
TEST(ApplyEventsTest, GoesThroughOrdersByKey) {
  FakeStore store;
  const std::vector<Heard> life = Lives()[0];
  for (const char* id : {"c", "a", "b"}) {
    EXPECT_TRUE(ApplyEvents(store, {Of(id, life[0])}).ok());
  }
  store.Forget();
  store.just_added = {"a", "b", "c"};

  EXPECT_TRUE(ApplyEvents(store, {Of("c", life[1]), Of("d", life[1]),
                                  Of("b", life[1]), Of("a", life[1])})
                  .ok());

  EXPECT_THAT(store.asked, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(store.locked, ElementsAre("a", "b", "c"));
  EXPECT_THAT(store.updated, ElementsAre("a", "b", "c"));
}

TEST(ApplyEventsTest, OnlyWhatIsUnknownIsInserted) {
  FakeStore store;
  const std::vector<Heard> life = Lives()[0];
  EXPECT_TRUE(ApplyEvents(store, {Of("a", life[0])}).ok());
  store.Forget();

  EXPECT_TRUE(ApplyEvents(store, {Of("a", life[1]), Of("b", life[1])}).ok());

  EXPECT_THAT(store.asked, ElementsAre("b"));
  EXPECT_THAT(store.updated, ElementsAre("a"));
}

TEST(ApplyEventsTest, WhatIsKnownIsNotWrittenAgain) {
  FakeStore store;
  EXPECT_TRUE(ApplyEvents(store, Lives()[0]).ok());
  store.Forget();

  EXPECT_TRUE(ApplyEvents(store, Lives()[0]).ok());

  EXPECT_THAT(store.updated, IsEmpty());
}

TEST(KeepEntriesTest, AddsWhatIsMissingAndOverrulesNothing) {
  FakeStore store;
  const std::vector<Heard> life = Lives()[0];
  EXPECT_TRUE(ApplyEvents(store, {life[3], life[4]}).ok());
  MypageView older(kOrderId);
  Entry misread = life[3].entry;
  misread.status = "WRONG";
  older.Apply(life[0].header, life[0].entry);
  older.Apply(life[3].header, misread);

  EXPECT_TRUE(KeepEntries(store, {older}).ok());

  EXPECT_THAT(store.views.at(kOrderId).timeline(),
              ElementsAre(life[0].entry, life[3].entry, life[4].entry));
}

}  // namespace
}  // namespace mypage
