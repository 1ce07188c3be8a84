#include <cmath>
#include <numeric>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::random_test {
namespace {

Tensor Draw(const std::string& op, AttributeList list, const std::vector<Tensor>& inputs = {}) {
  return RunOp(op, inputs, list);
}

double MeanOf(const Floats& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double DeviationOf(const Floats& x) {
  double sum = 0;
  for (const float v : x) sum += (v - MeanOf(x)) * (v - MeanOf(x));
  return std::sqrt(sum / static_cast<double>(x.size()));
}

// The first numbers of seed 1 by hand: 16807, 16807^2 mod 2^31 - 1, ...
TEST(Random, UniformOfTheMinimalStandard) {
  const Floats y = ValuesOf<float>(Draw(
      "RandomUniform", {{"shape", Attribute(Ints{3})}, {"seed", Float(1)}, {"high", Float(2)}}));
  const double draws[] = {16807, 282475249, 1622650073};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(y[i], 2 * (draws[i] - 1) / 2147483646, 1e-6);
}

TEST(Random, MomentsAndLimits) {
  const Attribute shape(Ints{10000});
  const Floats uniform = ValuesOf<float>(
      Draw("RandomUniform",
           {{"shape", shape}, {"seed", Float(7)}, {"low", Float(-2)}, {"high", Float(4)}}));
  for (const float v : uniform) ASSERT_TRUE(v >= -2 && v < 4);
  EXPECT_NEAR(MeanOf(uniform), 1, 0.1);
  EXPECT_NEAR(DeviationOf(uniform), 6 / std::sqrt(12.0), 0.05);
  const Floats normal = ValuesOf<float>(
      Draw("RandomNormal",
           {{"shape", shape}, {"seed", Float(7)}, {"mean", Float(3)}, {"scale", Float(2)}}));
  EXPECT_NEAR(MeanOf(normal), 3, 0.1);
  EXPECT_NEAR(DeviationOf(normal), 2, 0.05);
}

TEST(Random, TheSeedDecides) {
  for (const char* op : {"RandomUniform", "RandomNormal"}) {
    const auto draw = [op](float seed) {
      return ValuesOf<float>(Draw(op, {{"shape", Attribute(Ints{4, 5})}, {"seed", Float(seed)}}));
    };
    EXPECT_EQ(draw(3), draw(3));
    EXPECT_NE(draw(3), draw(4));
    EXPECT_EQ(draw(3), draw(3.9f));
    EXPECT_EQ(draw(0), draw(1));  // the generator has no state 0
    EXPECT_NE(draw(-5), draw(1e30f));
    const auto without = [op] {
      return ValuesOf<float>(Draw(op, {{"shape", Attribute(Ints{9})}}));
    };
    EXPECT_EQ(without(), without());
  }
}

TEST(Random, LikeATensor) {
  const Tensor ints = testing::Iota(DataType::kInt32, {2, 3});
  const Tensor floats = Random({2, 3}, 1);
  for (const std::string op : {"RandomUniform", "RandomNormal"}) {
    const Tensor expected = Draw(op, {{"shape", Attribute(Ints{2, 3})}, {"seed", Float(5)}});
    EXPECT_TRUE(testing::SameTensor(expected, Draw(op + "Like", {{"seed", Float(5)}}, {floats})));
    EXPECT_TRUE(testing::SameTensor(
        expected, Draw(op + "Like", {{"seed", Float(5)}, {"dtype", Int(1)}}, {ints})));
    ExpectError(ErrorCode::kInvalidModel, [&] { Draw(op + "Like", {}, {ints}); });
  }
}

TEST(Random, EveryType) {
  const Attribute shape(Ints{2, 3});
  for (const auto& [number, type] : {std::pair{1, DataType::kFloat32},
                                     {10, DataType::kFloat16},
                                     {11, DataType::kFloat64},
                                     {16, DataType::kBFloat16}}) {
    const Tensor y = Draw("RandomUniform", {{"shape", shape},
                                            {"dtype", Int(number)},
                                            {"low", Float(1)},
                                            {"high", Float(1)},
                                            {"seed", Float(2)}});
    ASSERT_EQ(y.type(), type);
    EXPECT_EQ(ValuesOf<float>(RunOp("Cast", {y}, {{"to", Int(1)}})), Floats(6, 1.0f));
  }
  EXPECT_EQ(Draw("RandomNormal", {{"shape", Attribute(Ints{0, 3})}}).shape(), (Shape{0, 3}));
  ExpectError(ErrorCode::kInvalidModel, [] { Draw("RandomNormal", {}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    Draw("RandomNormal", {{"shape", shape}, {"dtype", Int(6)}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    Draw("RandomNormal", {{"shape", shape}, {"seed", Float(std::nanf(""))}});
  });
}

TEST(Random, BernoulliDrawsOnesWithTheirProbability) {
  Tensor p(DataType::kFloat32, {3000});
  for (std::int64_t i = 0; i < p.size(); ++i) p.data<float>()[i] = static_cast<float>(i % 3) / 2;
  const Floats y = ValuesOf<float>(Draw("Bernoulli", {{"seed", Float(11)}}, {p}));
  double ones = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (i % 3 == 1) {
      ones += static_cast<double>(y[i]);
    } else {
      EXPECT_EQ(y[i], i % 3 == 0 ? 0.0f : 1.0f);
    }
  }
  EXPECT_NEAR(ones, 500, 60);
  for (const auto& [number, type] :
       {std::pair{9, DataType::kBool}, {6, DataType::kInt32}, {11, DataType::kFloat64}}) {
    const Tensor typed = Draw("Bernoulli", {{"seed", Float(11)}, {"dtype", Int(number)}}, {p});
    ASSERT_EQ(typed.type(), type);
    EXPECT_EQ(ValuesOf<float>(RunOp("Cast", {typed}, {{"to", Int(1)}})), y);
  }
  EXPECT_EQ(Draw("Bernoulli", {}, {Random({0, 2}, 1)}).shape(), (Shape{0, 2}));
  ExpectError(ErrorCode::kUnsupported,
              [] { Draw("Bernoulli", {}, {testing::Iota(DataType::kInt32, {2})}); });
}

TEST(Random, MultinomialDrawsClassesWithTheirProbability) {
  const float none = -HUGE_VALF;
  const Tensor x = Of<float>({2, 3}, {std::log(1.0f), std::log(3.0f), none, none, none, 5});
  const Tensor y = Draw("Multinomial", {{"seed", Float(3)}, {"sample_size", Int(1000)}}, {x});
  ASSERT_EQ(y.shape(), (Shape{2, 1000}));
  std::int64_t counts[3] = {};
  for (const std::int32_t c : ValuesOf<std::int32_t>(y)) ++counts[c];
  EXPECT_NEAR(static_cast<double>(counts[0]), 250, 50);
  EXPECT_EQ(counts[2], 1000);
  const Tensor wide =
      Draw("Multinomial", {{"seed", Float(3)}, {"sample_size", Int(1000)}, {"dtype", Int(7)}}, {x});
  EXPECT_TRUE(testing::SameTensor(RunOp("Cast", {y}, {{"to", Int(7)}}), wide));
  EXPECT_EQ(Draw("Multinomial", {}, {Random({0, 3}, 1)}).shape(), (Shape{0, 1}));
  const auto wrong = [](const Shape& shape, AttributeList list) {
    ExpectError(ErrorCode::kInvalidModel, [&] { Draw("Multinomial", list, {Random(shape, 1)}); });
  };
  wrong({3}, {});
  wrong({2, 0}, {});
  wrong({2, 3}, {{"sample_size", Int(0)}});
  wrong({2, 3}, {{"dtype", Int(1)}});
}

}  // namespace
}  // namespace kinglet::test::random_test
