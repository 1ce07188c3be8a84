#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "characterize/correlate/correlation.h"
#include "characterize/correlate/regression.h"

namespace kinglet::characterize::correlate_statistics_test {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Values = std::vector<double>;

TEST(Ranks, EqualValuesShareTheirs) {
  EXPECT_THAT(Ranks(Values{30, 10, 20}), ElementsAre(3, 1, 2));
  EXPECT_THAT(Ranks(Values{5, 1, 5, 5}), ElementsAre(3, 1, 3, 3));
  EXPECT_THAT(Ranks(Values{}), SizeIs(0));
}

TEST(Pearson, KnownAnswers) {
  EXPECT_NEAR(Pearson(Values{1, 2, 3, 4}, Values{10, 20, 30, 40}).value, 1, 1e-12);
  EXPECT_NEAR(Pearson(Values{1, 2, 3, 4}, Values{4, 3, 2, 1}).value, -1, 1e-12);
  // Anscombe's first set.
  const Values x = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
  const Values y = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
  const Correlation r = Pearson(x, y);
  EXPECT_NEAR(r.value, 0.81642, 1e-5);
  // tanh(atanh(r) +- 1.96 / sqrt(8)).
  EXPECT_NEAR(r.low, 0.42439, 1e-4);
  EXPECT_NEAR(r.high, 0.95069, 1e-4);
}

TEST(Pearson, WhatCannotBeSaidIsNotSaid) {
  EXPECT_TRUE(std::isnan(Pearson(Values{1}, Values{1}).value));
  EXPECT_TRUE(std::isnan(Pearson(Values{1, 1, 1, 1}, Values{1, 2, 3, 4}).value));
  const Correlation few = Pearson(Values{1, 2, 3}, Values{1, 2, 2.9});
  EXPECT_EQ(few.low, -1);
  EXPECT_EQ(few.high, 1);
}

TEST(Spearman, OnlyTheOrderCounts) {
  const Values x = {1, 2, 3, 4, 5, 6};
  EXPECT_NEAR(Spearman(x, Values{1, 4, 9, 100, 1000, 1e9}).value, 1, 1e-12);
  const Values four = {1, 2, 3, 4};
  EXPECT_LT(Spearman(four, four).low, 0);
  EXPECT_EQ(Spearman(four, four).high, 1);
  // 1 - 6 (1 + 1) / (6 * 35).
  const Correlation r = Spearman(x, Values{1, 2, 3, 4, 6, 5});
  EXPECT_NEAR(r.value, 1 - 12.0 / 210, 1e-12);
  EXPECT_LT(r.low, r.value);
  EXPECT_GT(r.high, r.value);
  EXPECT_LE(r.high, 1);
}

TEST(BestRegression, FindsThePowersThatMadeTheData) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(0.5, 50);
  Figure work{"work"}, bytes{"bytes"}, noise{"noise"}, zero{"zero"};
  Values y;
  for (int i = 0; i < 14; ++i) {
    work.values.push_back(uniform(random));
    bytes.values.push_back(uniform(random));
    noise.values.push_back(uniform(random));
    zero.values.push_back(i);
    y.push_back(3 * std::pow(work.values.back(), 0.8) * std::pow(bytes.values.back(), 0.3));
  }
  const auto regression = BestRegression({noise, work, zero, bytes}, y);
  ASSERT_TRUE(regression.has_value());
  EXPECT_THAT(regression->figures, ElementsAre("work", "bytes"));
  EXPECT_NEAR(regression->exponents[0], 0.8, 1e-9);
  EXPECT_NEAR(regression->exponents[1], 0.3, 1e-9);
  EXPECT_NEAR(std::exp(regression->intercept), 3, 1e-8);
  EXPECT_NEAR(regression->left_out_error, 0, 1e-9);
  EXPECT_NEAR(regression->nested_error, 0, 1e-9);
  EXPECT_THAT(regression->left_out, SizeIs(14));
  EXPECT_NEAR(regression->Predict(Values{2, 4}), 3 * std::pow(2, 0.8) * std::pow(4, 0.3), 1e-8);
}

TEST(BestRegression, UnrelatedFiguresHaveAnHonestError) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(1, 100);
  std::vector<Figure> figures(20);
  Values y;
  for (int i = 0; i < 8; ++i) {
    for (Figure& figure : figures) figure.values.push_back(uniform(random));
    y.push_back(uniform(random));
  }
  const auto regression = BestRegression(figures, y);
  ASSERT_TRUE(regression.has_value());
  // Of so many figures one fits by chance; chosen without a network, it says nothing of that one.
  EXPECT_GT(regression->nested_error, 2 * regression->left_out_error);
}

TEST(BestRegression, NothingOfTooLittle) {
  const Figure figure{"f", {1, 2, 3, 4, 5, 6}};
  EXPECT_FALSE(BestRegression({figure}, Values{1, 2, 3, 4}).has_value());
  EXPECT_FALSE(BestRegression({}, Values{1, 2, 3, 4, 5, 6}).has_value());
  EXPECT_FALSE(BestRegression({figure}, Values{1, 2, 3, 4, 5, 0}).has_value());
  const Figure same{"s", {7, 7, 7, 7, 7, 7}};
  EXPECT_FALSE(BestRegression({same}, Values{1, 2, 3, 4, 5, 6}).has_value());
}

}  // namespace
}  // namespace kinglet::characterize::correlate_statistics_test
