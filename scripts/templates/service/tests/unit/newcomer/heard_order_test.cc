#include "newcomer/domain/heard_order.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "newcomer/app/use_cases.h"

namespace newcomer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

HeardOrder Heard(const std::string& id, int32_t version) {
  return {id, /*customer_id=*/7, "ORDERED", version, absl::UnixEpoch()};
}

TEST(HeardOrderTest, TheHighestVersionIsTheLatestWhateverCameLast) {
  EXPECT_THAT(LatestOfEach({Heard("a", 1), Heard("a", 3), Heard("a", 2)}),
              ElementsAre(Heard("a", 3)));
}

TEST(HeardOrderTest, EachOrderIsThereOnceByItsId) {
  EXPECT_THAT(LatestOfEach({Heard("b", 1), Heard("a", 1), Heard("b", 1)}),
              ElementsAre(Heard("a", 1), Heard("b", 1)));
  EXPECT_THAT(LatestOfEach({}), IsEmpty());
}

class FakeStore final : public HeardOrderStore {
 public:
  void KeepLatest(absl::Span<const HeardOrder> orders) override {
    ++calls;
    kept.assign(orders.begin(), orders.end());
  }
  int calls = 0;
  std::vector<HeardOrder> kept;
};

TEST(HearTest, ABatchIsKeptInOneCallAndNothingInNone) {
  FakeStore store;
  Hear(store, {});
  EXPECT_EQ(store.calls, 0);
  Hear(store, {Heard("a", 1), Heard("b", 1), Heard("a", 2)});
  EXPECT_EQ(store.calls, 1);
  EXPECT_THAT(store.kept, ElementsAre(Heard("a", 2), Heard("b", 1)));
}

}  // namespace
}  // namespace newcomer
