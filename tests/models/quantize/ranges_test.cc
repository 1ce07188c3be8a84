#include "models/quantize/ranges.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace kinglet::ranges_test {
namespace {

Observed Seen(const std::vector<float>& values) {
  Observed observed;
  EXPECT_TRUE(observed.AddBounds(values));
  observed.Count(values);
  return observed;
}

TEST(Ranges, ZeroHasACode) {
  for (const auto& [low, high] : {std::pair{0.5, 2.0}, {-3.0, -1.0}, {-1.0, 2.0}, {0.0, 0.0}}) {
    const CodeScale codes = CodesOf(low, high);
    EXPECT_GT(codes.scale, 0);
    EXPECT_LE(codes.low(), 0);
    EXPECT_GE(codes.high(), 0);
    EXPECT_NEAR(codes.high() - codes.low(), std::max(high, 0.0) - std::min(low, 0.0),
                high == low ? 256.0 : 1e-5);
  }
  EXPECT_EQ(CodesOf(0, 255).zero_point, 0);
  EXPECT_EQ(CodesOf(-255, 0).zero_point, 255);
}

TEST(Ranges, RulesLeaveOutliersOut) {
  std::vector<float> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(std::sin(static_cast<float>(i)));
  values.push_back(50);
  const Observed seen = Seen(values);
  EXPECT_NEAR(seen.Choose(RangeRule::kMinMax).high(), 50, 0.3);
  EXPECT_LT(seen.Choose(RangeRule::kPercentile).high(), 1.3);
  EXPECT_LT(seen.Choose(RangeRule::kEntropy).high(), 10);
  // Of least squares: one value that is 49 off counts more than a hundred thousand small steps.
  EXPECT_GT(seen.Choose(RangeRule::kMse).high(), 25);
  EXPECT_GT(seen.SignalToNoise(seen.Choose(RangeRule::kMse)),
            seen.SignalToNoise(seen.Choose(RangeRule::kPercentile)));
}

TEST(Ranges, SignalToNoiseIsThatOfUniformRounding) {
  std::vector<float> values;
  for (int i = 0; i < 200'000; ++i) values.push_back(static_cast<float>(i % 20'011) / 20'011);
  const Observed seen = Seen(values);
  // Power 1/3 against a twelfth of a squared step: 10 log10(4 * 255^2).
  EXPECT_NEAR(seen.SignalToNoise(seen.Choose(RangeRule::kMinMax)), 54.2, 0.5);
}

TEST(Ranges, WhatIsNotFiniteIsSeen) {
  Observed observed;
  EXPECT_TRUE(observed.AddBounds(std::vector<float>{1, -2}));
  EXPECT_FALSE(observed.AddBounds(std::vector<float>{1, std::numeric_limits<float>::infinity()}));
  EXPECT_FALSE(observed.AddBounds(std::vector<float>{std::nanf("")}));
}

}  // namespace
}  // namespace kinglet::ranges_test
