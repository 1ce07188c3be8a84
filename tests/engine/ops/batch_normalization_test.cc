#include <cmath>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::batch_normalization_test {
namespace {

TEST(BatchNormalization, PlainAndBlocked) {
  const Tensor x = Random({2, 21, 3, 5}, 1, -3, 3);
  const Tensor scale = Random({21}, 2);
  const Tensor bias = Random({21}, 3);
  const Tensor mean = Random({21}, 4);
  const Tensor variance = Random({21}, 5, 0.1f, 2.0f);
  Tensor expected = x.Clone();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const auto c = static_cast<std::size_t>(i / 15 % 21);
    const double s = scale.data<float>()[c];
    expected.data<float>()[i] =
        static_cast<float>(s * (x.data<float>()[i] - static_cast<double>(mean.data<float>()[c])) /
                               std::sqrt(variance.data<float>()[c] + 1e-3) +
                           bias.data<float>()[c]);
  }
  for (const int opset : {7, 9, 14, 15}) {
    const Node node = MakeNode("BatchNormalization", 5, {{"epsilon", Float(1e-3f)}}, opset);
    for (const Given given : {Given::kPlain, Given::kBlocked}) {
      const auto result = EvaluateBlocked(
          node, {x, scale, bias, mean, variance},
          {given, Given::kConstant, Given::kConstant, Given::kPlain, Given::kPlain});
      ExpectNear(result.outputs[0], expected, 2e-6f);
      EXPECT_EQ(result.layouts[0] == Layout::kBlocked, given == Given::kBlocked);
    }
  }
}

// Rows of channels, and maps of a few elements, in many units.
TEST(BatchNormalization, BehindALinearLayer) {
  for (const Shape& shape :
       {Shape{70, 257}, Shape{1, 3}, Shape{9, 300, 5}, Shape{0, 4}, Shape{2, 0}}) {
    const std::int64_t channels = shape[1];
    const std::int64_t map = shape.size() > 2 ? shape[2] : 1;
    const Tensor x = Random(shape, 1, -3, 3);
    const Tensor scale = Random({channels}, 2), bias = Random({channels}, 3);
    const Tensor mean = Random({channels}, 4), variance = Random({channels}, 5, 0.1f, 2.0f);
    Tensor expected = x.Clone();
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const std::int64_t c = i / map % channels;
      const double difference =
          static_cast<double>(x.data<float>()[i]) - static_cast<double>(mean.data<float>()[c]);
      const double deviation = std::sqrt(static_cast<double>(variance.data<float>()[c]) + 1e-5);
      expected.data<float>()[i] =
          static_cast<float>(static_cast<double>(scale.data<float>()[c]) * difference / deviation +
                             static_cast<double>(bias.data<float>()[c]));
    }
    ExpectNear(RunOp("BatchNormalization", {x, scale, bias, mean, variance}), expected, 4e-6f);
  }
}

TEST(BatchNormalization, OtherRanksAndTypes) {
  const auto one = [](double v) { return Of<double>({1}, {v}); };
  const Tensor y =
      RunOp("BatchNormalization", {Of<double>({2, 1}, {1, 5}), one(2), one(3), one(1), one(4)},
            {{"epsilon", Float(0)}});
  EXPECT_EQ(ValuesOf<double>(y), (std::vector<double>{3, 7}));
}

TEST(BatchNormalization, WrongInputs) {
  const Tensor x = Random({1, 3, 2, 2}, 1);
  const Tensor three = Random({3}, 1);
  const Tensor five = Random({5}, 1);
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("BatchNormalization", {x, five, three, three, three});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("BatchNormalization", {x, three, three, three, Random({3, 1}, 1)});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("BatchNormalization", {x, three, three, three});
  });
  ExpectError(ErrorCode::kUnsupported, [&] {
    RunOp("BatchNormalization", {x, three, three, three, three}, {{"training_mode", Int(1)}});
  });
  ExpectError(ErrorCode::kUnsupported, [&] {
    EvaluateOp("BatchNormalization", {x, three, three, three, three}, {}, 9, 3);
  });
}

}  // namespace
}  // namespace kinglet::test::batch_normalization_test
