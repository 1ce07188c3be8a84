#include "measure/common/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

namespace kinglet::measure::statistics_test {
namespace {

TEST(StatisticsTest, TheMedianIsInTheMiddle) {
  EXPECT_EQ(Median({7}), 7);
  EXPECT_EQ(Median({5, 1, 3}), 3);
  EXPECT_EQ(Median({8, 1, 2, 4}), 3);
}

TEST(StatisticsTest, PercentilesAreValuesThatWereMeasured) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(Percentile(values, 95), 95);
  EXPECT_EQ(Percentile(values, 50), 50);
  EXPECT_EQ(Percentile(values, 100), 100);
  EXPECT_EQ(Percentile(values, 0.5), 1);
  EXPECT_EQ(Percentile({3, 1, 2}, 95), 3);
  EXPECT_EQ(Percentile({3, 1, 2}, 60), 2);
  EXPECT_EQ(Percentile({4}, 95), 4);
}

TEST(StatisticsTest, TimesOfTwentyRuns) {
  std::vector<double> values;
  for (int i = 1; i <= 20; ++i) values.push_back(21 - i);
  const Times times = Summarise(values);
  EXPECT_EQ(times.median_ms, 10.5);
  EXPECT_EQ(times.min_ms, 1);
  EXPECT_EQ(times.p95_ms, 19);
  EXPECT_EQ(times.runs, 20u);
}

// The ranks are those of tables, as in Conover.
TEST(StatisticsTest, TheIntervalOfTheMedianIsByRanks) {
  const auto interval = [](int count) {
    std::vector<double> values;
    for (int i = count; i >= 1; --i) values.push_back(i);
    const Interval found = MedianInterval(values);
    return std::pair(found.low, found.high);
  };
  EXPECT_EQ(interval(1), std::pair(1.0, 1.0));
  EXPECT_EQ(interval(5), std::pair(1.0, 5.0));
  EXPECT_EQ(interval(6), std::pair(1.0, 6.0));
  EXPECT_EQ(interval(10), std::pair(2.0, 9.0));
  EXPECT_EQ(interval(100), std::pair(40.0, 61.0));
  EXPECT_EQ(interval(20'000), std::pair(9861.0, 10'140.0));
}

TEST(StatisticsTest, MeansOfFewValuesAreUncertain) {
  EXPECT_EQ(MeanHalfWidth({5}), std::numeric_limits<double>::infinity());
  EXPECT_NEAR(MeanHalfWidth({1, 3}), 12.706, 1e-9);
  EXPECT_NEAR(MeanHalfWidth({1, 2, 3}), 4.303 / std::sqrt(3.0), 1e-9);
  EXPECT_EQ(MeanHalfWidth({2, 2, 2, 2}), 0);
}

}  // namespace
}  // namespace kinglet::measure::statistics_test
