#include "tests/load/histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace load {
namespace {

TEST(HistogramTest, IsWithinOnePercentOfTheTruth) {
  Histogram histogram;
  std::vector<int64_t> values;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0, 39);
  for (int i = 0; i < 100000; ++i) {
    values.push_back(static_cast<int64_t>(std::exp2(exponent(random))));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());

  for (double part : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(
        std::ceil(part * static_cast<double>(values.size())));
    const auto truth = static_cast<double>(values[rank - 1]);
    EXPECT_GE(static_cast<double>(histogram.Quantile(part)), truth) << part;
    EXPECT_LE(static_cast<double>(histogram.Quantile(part)), truth * 1.01 + 1)
        << part;
  }
}

TEST(HistogramTest, BearsWhatIsOutOfRange) {
  Histogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  histogram.Record(-5);
  EXPECT_EQ(histogram.Quantile(1), 0);
  histogram.Record(int64_t{1} << 60);

  EXPECT_EQ(histogram.total(), 2);
  EXPECT_EQ(histogram.Quantile(1), (int64_t{1} << 40) - 1);
}

}  // namespace
}  // namespace load
