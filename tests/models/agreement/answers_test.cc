#include "models/agreement/answers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kinglet::answers_test {
namespace {

Answer Scores(std::vector<float> scores) {
  Answer answer;
  answer.scores = std::move(scores);
  return answer;
}

Answer Boxes(std::vector<Detection> boxes) {
  Answer answer;
  answer.boxes = std::move(boxes);
  return answer;
}

Detection Box(std::size_t label, float score, float x, float y, float size = 10) {
  return {label, score, x, y, x + size, y + size};
}

TEST(Agreement, OneOfTwentyMayDiffer) {
  Agreement a;
  a.compared = 50;
  a.agreeing = 49;
  EXPECT_TRUE(a.Within(0.001));
  EXPECT_FALSE(a.Within(0));
  a.agreeing = 48;
  EXPECT_FALSE(a.Within(0.03));
  EXPECT_TRUE(a.Within(0.04));
  EXPECT_DOUBLE_EQ(a.share(), 0.96);
  EXPECT_DOUBLE_EQ(Agreement().share(), 1);
  EXPECT_FALSE(Agreement().Within(0.5));
  a.compared = 5;
  a.agreeing = 4;
  EXPECT_FALSE(a.Within(0.03));
  a.agreeing = 5;
  EXPECT_TRUE(a.Within(0));
}

TEST(Agreement, OfClasses) {
  AgreementCounter counter(Agreement::Kind::kClasses, 0);
  counter.Add(Scores({0.7f, 0.2f, 0.1f}), Scores({0.6f, 0.3f, 0.1f}));
  // Another class, which float32 has within 0.02 of the best one.
  counter.Add(Scores({0.40f, 0.39f, 0.21f}), Scores({0.3f, 0.5f, 0.2f}));
  // Another class, which it has not.
  counter.Add(Scores({0.7f, 0.2f, 0.1f}), Scores({0.2f, 0.7f, 0.1f}));
  // Not among the five best.
  counter.Add(Scores({1, 0, 0, 0, 0, 0}), Scores({0, 1, 2, 3, 4, 5}));
  // Nearly the same number, but not half of the best one; and what is no number.
  counter.Add(Scores({0.015f, 0.001f, 0}), Scores({0.001f, 0.015f, 0}));
  counter.Add(Scores({0.7f, 0.2f, 0.1f}), Scores({std::nanf(""), std::nanf(""), std::nanf("")}));
  const Agreement total = counter.Total();
  EXPECT_EQ(total.pictures, 6u);
  EXPECT_EQ(total.compared, 6u);
  EXPECT_EQ(total.agreeing, 2u);
  EXPECT_EQ(total.near_ties, 1u);
  EXPECT_DOUBLE_EQ(total.largest_difference, 5);
}

TEST(Agreement, OfBoxes) {
  AgreementCounter counter(Agreement::Kind::kBoxes, 0.5f);
  // The second box has moved too far, the third is of another class, the fourth is below the
  // threshold here and has a counterpart above it there.
  counter.Add(
      Boxes({Box(1, 0.9f, 0, 0), Box(1, 0.8f, 50, 50), Box(2, 0.7f, 90, 0), Box(3, 0.45f, 0, 90)}),
      Boxes({Box(1, 0.8f, 1, 0), Box(1, 0.8f, 58, 58), Box(3, 0.7f, 90, 0), Box(3, 0.55f, 0, 90)}));
  const Agreement total = counter.Total();
  // Three boxes of one, four of the other; the first of both, and the last of the other.
  EXPECT_EQ(total.compared, 7u);
  EXPECT_EQ(total.agreeing, 3u);
  EXPECT_NEAR(total.largest_difference, 0.1, 1e-6);
  EXPECT_GE(total.ap, 0);
  EXPECT_LT(total.ap, 0.7);
}

TEST(Agreement, OfEqualBoxesIsWhole) {
  AgreementCounter counter(Agreement::Kind::kBoxes, 0.5f);
  const Answer answer = Boxes({Box(1, 0.9f, 0, 0), Box(2, 0.8f, 50, 50)});
  for (int i = 0; i < 3; ++i) counter.Add(answer, answer);
  const Agreement total = counter.Total();
  EXPECT_EQ(total.compared, 12u);
  EXPECT_EQ(total.agreeing, 12u);
  EXPECT_NEAR(total.ap, 1, 1e-9);
}

TEST(Agreement, OfNumbers) {
  AgreementCounter counter(Agreement::Kind::kNumbers, 0);
  counter.Add(Scores({100, -50, 0}), Scores({100.9f, -48, 0}));
  counter.Add(Scores({1, 2}), Scores({1, std::nanf("")}));
  const Agreement total = counter.Total();
  EXPECT_EQ(total.compared, 5u);
  EXPECT_EQ(total.agreeing, 3u);
}

}  // namespace
}  // namespace kinglet::answers_test
