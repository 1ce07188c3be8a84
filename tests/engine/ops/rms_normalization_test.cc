#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::rms_normalization_test {
namespace {

constexpr int kOpset = 23;

// Groups of `length` elements; `scale` has as many values as they broadcast to within a group.
Tensor Naive(const Tensor& x, const std::vector<float>& scale, std::int64_t length,
             double epsilon) {
  Tensor y(DataType::kFloat32, x.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    double squares = 0;
    for (std::int64_t k = i / length * length; k < (i / length + 1) * length; ++k) {
      squares += std::pow(static_cast<double>(x.data<float>()[k]), 2);
    }
    const double rms = std::sqrt(squares / static_cast<double>(length) + epsilon);
    const auto at = static_cast<std::size_t>(i % static_cast<std::int64_t>(scale.size()));
    y.data<float>()[i] =
        static_cast<float>(x.data<float>()[i] / rms * static_cast<double>(scale[at]));
  }
  return y;
}

TEST(RmsNormalization, EveryAxisAndLength) {
  for (const std::int64_t last : {1, 3, 8, 17, 40}) {
    const Tensor x = Random({2, 3, last}, 1);
    for (std::int64_t axis = -3; axis < 3; ++axis) {
      const std::int64_t first = axis < 0 ? axis + 3 : axis;
      const Shape scaled(x.shape().begin() + first, x.shape().end());
      const Tensor scale = Random(scaled, 2);
      ExpectNear(RunOp("RMSNormalization", {x, scale}, {{"axis", Int(axis)}}, kOpset),
                 Naive(x, ValuesOf<float>(scale), scale.size(), 1e-5), 1e-5f);
    }
  }
}

TEST(RmsNormalization, ScalesThatBroadcast) {
  const Tensor x = Random({2, 3, 4}, 3);
  const Tensor last = Random({4}, 4);
  ExpectNear(
      RunOp("RMSNormalization", {x, last}, {{"axis", Int(1)}, {"epsilon", Float(0.5f)}}, kOpset),
      Naive(x, ValuesOf<float>(last), 12, 0.5), 1e-5f);
  const Tensor one = Of<float>({}, {2.0f});
  ExpectNear(RunOp("RMSNormalization", {x, one}, {}, kOpset), Naive(x, {2.0f}, 4, 1e-5), 1e-5f);
}

TEST(RmsNormalization, Float64) {
  const Tensor x = Of<double>({1, 2}, {3, 4});
  const Tensor y =
      RunOp("RMSNormalization", {x, Of<double>({2}, {1, 2})}, {{"epsilon", Float(0)}}, kOpset);
  const double rms = std::sqrt(12.5);
  EXPECT_NEAR(y.data<double>()[0], 3 / rms, 1e-15);
  EXPECT_NEAR(y.data<double>()[1], 8 / rms, 1e-15);
}

// ONNX Runtime's own, of any version, with the inverse as second output.
TEST(RmsNormalization, Simplified) {
  const Tensor x = Random({2, 5}, 5);
  const Tensor scale = Random({5}, 6);
  const std::vector<Tensor> found =
      EvaluateOp("SimplifiedLayerNormalization", {x, scale}, {}, 12, 2);
  ExpectNear(found[0], Naive(x, ValuesOf<float>(scale), 5, 1e-5), 1e-5f);
  ASSERT_EQ(found[1].shape(), (Shape{2, 1}));
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(found[1].data<float>()[i] * x.data<float>()[5 * i] * scale.data<float>()[0],
                found[0].data<float>()[5 * i], 1e-5);
  }
}

TEST(RmsNormalization, EmptyAndWrong) {
  EXPECT_EQ(RunOp("RMSNormalization", {Random({0, 3}, 1), Random({3}, 1)}, {}, kOpset).shape(),
            (Shape{0, 3}));
  EXPECT_EQ(RunOp("RMSNormalization", {Random({3, 0}, 1), Random({0}, 1)}, {}, kOpset).shape(),
            (Shape{3, 0}));
  const auto run = [](const Tensor& x, const Tensor& scale, std::int64_t axis) {
    return RunOp("RMSNormalization", {x, scale}, {{"axis", Int(axis)}}, kOpset);
  };
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Random({2, 3}, 1), Random({2}, 1), -1); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Random({3}, 1), Random({2, 3}, 1), -1); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Random({2, 3}, 1), Random({3}, 1), 2); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(Random({2, 3}, 1), Of<double>({3}, {1, 2, 3}), -1);
  });
  ExpectError(ErrorCode::kUnsupported,
              [&] { run(Of<std::int64_t>({1}, {1}), Of<std::int64_t>({1}, {1}), -1); });
}

}  // namespace
}  // namespace kinglet::test::rms_normalization_test
