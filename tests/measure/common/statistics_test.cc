#include "measure/common/statistics.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace kinglet::measure::statistics_test
