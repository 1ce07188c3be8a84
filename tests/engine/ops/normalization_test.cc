#include <cmath>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::normalization_test {
namespace {

// (x - mean) / sqrt(variance + epsilon) of consecutive groups of `length`.
Tensor Normalized(const Tensor& x, std::int64_t length, double epsilon) {
  Tensor y = x.Clone();
  for (std::int64_t first = 0; first < x.size(); first += length) {
    double mean = 0;
    double variance = 0;
    for (std::int64_t i = 0; i < length; ++i) mean += x.data<float>()[first + i];
    mean /= static_cast<double>(length);
    for (std::int64_t i = 0; i < length; ++i) {
      variance += std::pow(x.data<float>()[first + i] - mean, 2);
    }
    variance /= static_cast<double>(length);
    for (std::int64_t i = 0; i < length; ++i) {
      y.data<float>()[first + i] =
          static_cast<float>((x.data<float>()[first + i] - mean) / std::sqrt(variance + epsilon));
    }
  }
  return y;
}

// y[i] * scale[k] + bias[k], k = i / run % count.
Tensor Affine(Tensor y, const Tensor& scale, const Tensor& bias, std::int64_t run) {
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const std::int64_t k = i / run % scale.size();
    y.data<float>()[i] = y.data<float>()[i] * scale.data<float>()[k] + bias.data<float>()[k];
  }
  return y;
}

TEST(InstanceNormalization, EachMap) {
  const Tensor x = Random({2, 3, 4, 5}, 1, -2, 5);
  const Tensor scale = Random({3}, 2);
  const Tensor bias = Random({3}, 3);
  ExpectNear(RunOp("InstanceNormalization", {x, scale, bias}, {{"epsilon", Float(1e-2f)}}),
             Affine(Normalized(x, 20, 1e-2), scale, bias, 20), 4e-6f);
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("InstanceNormalization", {x, Random({4}, 1), bias});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("InstanceNormalization", {Random({2, 3}, 1), scale, bias});
  });
}

TEST(InstanceNormalization, BlockedImagesStayBlocked) {
  const Tensor x = Random({2, 21, 9, 17}, 1, -2, 5);
  const Tensor scale = Random({21}, 2);
  const Tensor bias = Random({21}, 3);
  const Node node = MakeNode("InstanceNormalization", 3);
  const auto result =
      EvaluateBlocked(node, {x, scale, bias}, {Given::kBlocked, Given::kPlain, Given::kPlain});
  ExpectNear(result.outputs[0], Affine(Normalized(x, 9 * 17, 1e-5), scale, bias, 9 * 17), 4e-6f);
  EXPECT_EQ(result.layouts[0], Layout::kBlocked);
  EXPECT_EQ(result.read[0], Layout::kBlocked);
}

TEST(GroupNormalization, ScalesOfGroupsBefore21) {
  const Tensor x = Random({2, 6, 2, 3}, 1, -2, 5);
  const Tensor scale = Random({3}, 2);
  const Tensor bias = Random({3}, 3);
  ExpectNear(RunOp("GroupNormalization", {x, scale, bias}, {{"num_groups", Int(3)}}, 18),
             Affine(Normalized(x, 12, 1e-5), scale, bias, 12), 4e-6f);
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("GroupNormalization", {x, scale, bias}, {{"num_groups", Int(3)}}, 21);
  });
}

TEST(GroupNormalization, ScalesOfChannelsFrom21) {
  const Tensor x = Random({2, 6, 2, 3}, 1, -2, 5);
  const Tensor scale = Random({6}, 2);
  const Tensor bias = Random({6}, 3);
  ExpectNear(RunOp("GroupNormalization", {x, scale, bias}, {{"num_groups", Int(3)}}, 21),
             Affine(Normalized(x, 12, 1e-5), scale, bias, 6), 4e-6f);
  for (const std::int64_t groups : {0, 4}) {
    ExpectError(ErrorCode::kInvalidModel, [&] {
      RunOp("GroupNormalization", {x, scale, bias}, {{"num_groups", Int(groups)}}, 21);
    });
  }
}

TEST(LayerNormalization, AxisAndStatistics) {
  const Tensor x = Random({2, 3, 4}, 1, -2, 5);
  const Tensor scale = Random({4}, 2);
  const Tensor bias = Random({4}, 3);
  const Tensor zero(DataType::kFloat32, {4});
  ExpectNear(RunOp("LayerNormalization", {x, scale, bias}),
             Affine(Normalized(x, 4, 1e-5), scale, bias, 1), 4e-6f);
  ExpectNear(RunOp("LayerNormalization", {x, scale}),
             Affine(Normalized(x, 4, 1e-5), scale, zero, 1), 4e-6f);
  const Tensor scale12 = Random({3, 4}, 2);
  const Tensor bias12 = Random({3, 4}, 3);
  const auto y = EvaluateOp("LayerNormalization", {x, scale12, bias12},
                            MakeAttributes({{"axis", Int(1)}, {"epsilon", Float(0.5f)}}), 17, 3);
  ExpectNear(y[0], Affine(Normalized(x, 12, 0.5), scale12, bias12, 1), 4e-6f);
  EXPECT_EQ(y[1].shape(), (Shape{2, 1, 1}));
  double mean = 0;
  for (int i = 0; i < 12; ++i) mean += x.data<float>()[12 + i] / 12.0;
  EXPECT_NEAR(y[1].data<float>()[1], mean, 1e-6);
  double variance = 0;
  for (int i = 0; i < 12; ++i) variance += std::pow(x.data<float>()[12 + i] - mean, 2) / 12;
  EXPECT_NEAR(y[2].data<float>()[1], 1 / std::sqrt(variance + 0.5), 1e-6);
}

TEST(LayerNormalization, WrongInputs) {
  const Tensor x = Random({2, 3, 4}, 1);
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("LayerNormalization", {x, Random({3}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("LayerNormalization", {x, Random({4}, 1)}, {{"axis", Int(3)}});
  });
  EXPECT_EQ(RunOp("LayerNormalization",
                  {Tensor(DataType::kFloat32, {2, 0}), Tensor(DataType::kFloat32, {0})})
                .shape(),
            (Shape{2, 0}));
}

TEST(Lrn, AcrossChannels) {
  const Tensor x = Random({2, 7, 3, 100}, 1, -3, 3);
  for (const std::int64_t size : {1, 3, 4, 5, 20}) {
    for (const float beta : {0.75f, 0.5f}) {
      Tensor expected = x.Clone();
      for (std::int64_t i = 0; i < x.size(); ++i) {
        const std::int64_t c = i / 300 % 7;
        double sum = 0;
        for (std::int64_t k = c - (size - 1) / 2; k <= c + size / 2; ++k) {
          if (k >= 0 && k < 7) sum += std::pow(x.data<float>()[i + (k - c) * 300], 2);
        }
        const double base = 2 + 0.3 / static_cast<double>(size) * sum;
        expected.data<float>()[i] = static_cast<float>(x.data<float>()[i] / std::pow(base, beta));
      }
      ExpectNear(RunOp("LRN", {x},
                       {{"size", Int(size)},
                        {"alpha", Float(0.3f)},
                        {"beta", Float(beta)},
                        {"bias", Float(2)}}),
                 expected, 2e-6f);
    }
  }
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("LRN", {x}); });
  EXPECT_EQ(
      RunOp("LRN", {Tensor(DataType::kFloat32, {1, 3, 0})}, {{"size", Int(1LL << 62)}}).size(), 0);
}

TEST(LpNormalization, EveryAxisOfALargerTensor) {
  const Shape shape{3, 37, 300};
  const Tensor x = Random(shape, 1, -2, 5);
  for (const std::int64_t p : {1, 2}) {
    for (const std::size_t axis : {0u, 1u, 2u}) {
      std::int64_t inner = 1;
      for (std::size_t d = axis + 1; d < 3; ++d) inner *= shape[d];
      Tensor expected = x.Clone();
      for (std::int64_t i = 0; i < x.size(); ++i) {
        double sum = 0;
        for (std::int64_t k = 0; k < shape[axis]; ++k) {
          const std::int64_t outer = i / inner / shape[axis];
          const double v = x.data<float>()[(outer * shape[axis] + k) * inner + i % inner];
          sum += p == 2 ? v * v : std::abs(v);
        }
        expected.data<float>()[i] =
            static_cast<float>(x.data<float>()[i] / (p == 2 ? std::sqrt(sum) : sum));
      }
      ExpectNear(RunOp("LpNormalization", {x},
                       {{"axis", Int(static_cast<std::int64_t>(axis))}, {"p", Int(p)}}),
                 expected, 1e-6f);
    }
  }
}

TEST(LpNormalization, BothNorms) {
  const Tensor x = Of<float>({2, 2}, {3, -4, 0, 0});
  ExpectNear(RunOp("LpNormalization", {x}), Of<float>({2, 2}, {0.6f, -0.8f, 0, 0}));
  ExpectNear(RunOp("LpNormalization", {x}, {{"axis", Int(0)}, {"p", Int(1)}}),
             Of<float>({2, 2}, {1, -1, 0, 0}));
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("LpNormalization", {x}, {{"p", Int(3)}}); });
}

}  // namespace
}  // namespace kinglet::test::normalization_test
