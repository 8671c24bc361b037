// A view is a set of events: whatever order they come in and however often.

#include "mypage/domain/mypage_view.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/mypage/lives.h"

namespace mypage {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

MypageView ViewOf(const std::vector<Heard>& events) {
  MypageView view(kOrderId);
  for (const Heard& heard : events) view.Apply(heard.header, heard.entry);
  return view;
}

std::vector<std::string> StatusesOf(const MypageView& view) {
  std::vector<std::string> statuses;
  for (const Entry& entry : view.timeline()) statuses.push_back(entry.status);
  return statuses;
}

TEST(MypageViewTest, IsEmptyBeforeAnythingWasHeard) {
  const MypageView view(kOrderId);

  EXPECT_EQ(view.version(), 0);
  EXPECT_EQ(view.part(Source::kOrder), MypageView::Part{});
  EXPECT_EQ(view.modified(), absl::InfinitePast());
  EXPECT_THAT(view.timeline(), IsEmpty());
}

TEST(MypageViewTest, TellsAWholeLife) {
  const MypageView view = ViewOf(Lives()[0]);

  EXPECT_EQ(view.header(), (Header{7, 3, 12, 2, kNoon}));
  EXPECT_EQ(view.part(Source::kOrder), (MypageView::Part{2, 2}));
  EXPECT_EQ(view.part(Source::kCook), (MypageView::Part{2, 2}));
  EXPECT_EQ(view.part(Source::kDelivery), (MypageView::Part{2, 2}));
  EXPECT_EQ(view.version(), 6);
  EXPECT_EQ(view.modified(), kNoon + absl::Seconds(5));
  EXPECT_THAT(StatusesOf(view),
              ElementsAre("ORDERED", "COOKING", "COOKED", "DELIVERY_STARTED",
                          "DELIVERED", "COMPLETED"));
}

TEST(MypageViewTest, EndsTheSameWhateverOrderEventsComeIn) {
  for (const std::vector<Heard>& life : Lives()) {
    const MypageView expected = ViewOf(life);
    std::vector<size_t> order(life.size());
    std::iota(order.begin(), order.end(), size_t{0});
    int permutations = 0;
    do {
      MypageView view(kOrderId);
      for (size_t i : order) view.Apply(life[i].header, life[i].entry);
      ASSERT_EQ(view, expected) << StatusesOf(view).front();
      // Eight events have 40,320 orders; two thousand of them will do.
    } while (++permutations < 2000 &&
             std::next_permutation(order.begin(), order.end()));
  }
}

// What the permutations above cannot reach: repeats anywhere in between, and
// partial views joined to each other in any shape.
TEST(MypageViewTest, EndsTheSameHoweverOftenAndInWhateverPartsEventsCome) {
  std::mt19937 random(20260704);  // NOLINT: the same every time, on purpose
  for (const std::vector<Heard>& life : Lives()) {
    const MypageView expected = ViewOf(life);
    for (int round = 0; round < 500; ++round) {
      std::vector<Heard> heard = life;
      for (size_t i = 0; i < 2 * life.size(); ++i) {
        heard.push_back(life[random() % life.size()]);
      }
      std::shuffle(heard.begin(), heard.end(), random);
      std::vector<MypageView> parts(1 + random() % 4, MypageView(kOrderId));
      for (const Heard& each : heard) {
        parts[random() % parts.size()].Apply(each.header, each.entry);
      }

      MypageView absorbed(kOrderId);
      MypageView kept(kOrderId);
      for (const MypageView& part : parts) {
        absorbed.Absorb(part);
        kept.KeepFrom(part);
      }

      ASSERT_EQ(absorbed, expected);
      ASSERT_EQ(kept, expected);
    }
  }
}

TEST(MypageViewTest, SaysWhetherAnythingChanged) {
  const std::vector<Heard> life = Lives()[0];
  MypageView view(kOrderId);

  EXPECT_TRUE(view.Apply(life[0].header, life[0].entry));
  EXPECT_FALSE(view.Apply(life[0].header, life[0].entry));
  EXPECT_FALSE(view.Absorb(ViewOf({life[0]})));
  EXPECT_FALSE(view.KeepFrom(ViewOf({life[0]})));
  EXPECT_TRUE(view.Absorb(ViewOf({life[1]})));
  EXPECT_TRUE(view.KeepFrom(ViewOf({life[2]})));
}

TEST(MypageViewTest, APartialViewHasItsHeader) {
  const MypageView view = ViewOf({Lives()[0][2]});

  EXPECT_EQ(view.header(), (Header{7, 3, 12, 2, std::nullopt}));
  EXPECT_EQ(view.part(Source::kOrder), MypageView::Part{});
  EXPECT_EQ(view.part(Source::kCook), (MypageView::Part{2, 2}));
}

TEST(MypageViewTest, TheHighestVersionDecidesNotTheLatestTime) {
  std::vector<Heard> life = Lives()[0];
  // Clocks of two replicas of the kitchen disagree.
  life[2].entry.at = kNoon - absl::Seconds(1);

  const MypageView view = ViewOf(life);

  EXPECT_EQ(view.part(Source::kCook), (MypageView::Part{2, 2}));
  EXPECT_EQ(view.timeline().front().status, "COOKED");
}

TEST(MypageViewTest, TiesOfTimeAreShownByPublisherAndVersion) {
  std::vector<Heard> life = Lives()[0];
  for (Heard& heard : life) heard.entry.at = kNoon;

  EXPECT_THAT(StatusesOf(ViewOf(life)),
              ElementsAre("ORDERED", "COMPLETED", "COOKING", "COOKED",
                          "DELIVERY_STARTED", "DELIVERED"));
}

TEST(MypageViewTest, ANewReadingOfAnEventReplacesTheOldOne) {
  const Heard heard = Lives()[0][0];
  MypageView view(kOrderId);
  Entry misread = heard.entry;
  misread.status = "ODRERED";
  view.Apply(heard.header, misread);

  EXPECT_TRUE(view.Apply(heard.header, heard.entry));

  EXPECT_THAT(view.timeline(), ElementsAre(heard.entry));
}

TEST(MypageViewTest, KeepingFromAnOlderViewNeverOverrules) {
  const std::vector<Heard> life = Lives()[0];
  MypageView view = ViewOf({life[0], life[1]});
  MypageView older(kOrderId);
  Entry misread = life[0].entry;
  misread.status = "ODRERED";
  older.Apply({999, 999, 999, 99, kNoon + absl::Hours(1)}, misread);
  older.Apply(life[2].header, life[2].entry);

  EXPECT_TRUE(view.KeepFrom(older));

  EXPECT_EQ(view, ViewOf({life[0], life[1], life[2]}));
}

}  // namespace
}  // namespace mypage
