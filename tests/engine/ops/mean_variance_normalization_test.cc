#include <cmath>
#include <map>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::mean_variance_normalization_test {
namespace {

// Group by group: the coordinates along the other axes name the group.
Tensor Naive(const Tensor& x, const Ints& axes) {
  const Shape& shape = x.shape();
  const auto group_of = [&](std::int64_t i) {
    std::vector<std::int64_t> group;
    for (std::size_t d = shape.size(); d-- > 0; i /= shape[d]) {
      const bool reduced = std::find_if(axes.begin(), axes.end(), [&](std::int64_t axis) {
                             const auto rank = static_cast<std::int64_t>(shape.size());
                             return (axis < 0 ? axis + rank : axis) == static_cast<std::int64_t>(d);
                           }) != axes.end();
      if (!reduced) group.push_back(i % shape[d]);
    }
    return group;
  };
  std::map<std::vector<std::int64_t>, std::vector<double>> groups;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    groups[group_of(i)].push_back(static_cast<double>(x.data<float>()[i]));
  }
  Tensor y(DataType::kFloat32, shape);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::vector<double>& values = groups[group_of(i)];
    double mean = 0, variance = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values)
      variance += (v - mean) * (v - mean) / static_cast<double>(values.size());
    y.data<float>()[i] = static_cast<float>((static_cast<double>(x.data<float>()[i]) - mean) /
                                            (std::sqrt(variance) + 1e-9));
  }
  return y;
}

TEST(MeanVarianceNormalization, EveryChoiceOfAxes) {
  const Tensor x = Random({2, 3, 4, 5}, 1, -2, 5);
  for (unsigned mask = 0; mask < 16; ++mask) {
    Ints axes;
    for (int d = 0; d < 4; ++d) {
      if ((mask >> d & 1) != 0) axes.push_back(d % 2 == 0 ? d : d - 4);
    }
    SCOPED_TRACE(mask);
    ExpectNear(RunOp("MeanVarianceNormalization", {x}, {{"axes", Attribute(axes)}}), Naive(x, axes),
               1e-5f);
  }
}

TEST(MeanVarianceNormalization, ChannelsOfImagesByDefault) {
  const Tensor x = Random({3, 4, 5, 6}, 2, -2, 5);
  for (const int opset : {9, 13}) {
    ExpectNear(RunOp("MeanVarianceNormalization", {x}, {}, opset), Naive(x, {0, 2, 3}), 1e-5f);
  }
}

TEST(MeanVarianceNormalization, DoublesConstantsEmptyAndWrong) {
  const Tensor x = Of<double>({1, 1, 1, 2}, {1, 3});
  const std::vector<double> y = ValuesOf<double>(RunOp("MeanVarianceNormalization", {x}));
  EXPECT_NEAR(y[0], -1, 1e-8);
  EXPECT_NEAR(y[1], 1, 1e-8);
  for (const float v : ValuesOf<float>(
           RunOp("MeanVarianceNormalization", {Of<float>({1, 1, 2, 2}, {7, 7, 7, 7})}))) {
    EXPECT_EQ(v, 0.0f);
  }
  for (const Shape& shape : {Shape{0, 2, 3, 3}, Shape{2, 0, 3, 3}, Shape{2, 3, 0, 3}}) {
    EXPECT_EQ(RunOp("MeanVarianceNormalization", {Random(shape, 1)}).shape(), shape);
  }
  const auto wrong = [](const Shape& shape, Ints axes) {
    ExpectError(ErrorCode::kInvalidModel, [&] {
      RunOp("MeanVarianceNormalization", {Random(shape, 1)}, {{"axes", Attribute(axes)}});
    });
  };
  wrong({2, 3}, {0, 2});
  wrong({2, 3}, {0, 0});
  wrong({2, 3}, {1, -1});
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("MeanVarianceNormalization", {Random({2, 3, 4}, 1)});
  });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("MeanVarianceNormalization", {testing::Iota(DataType::kInt32, {1, 1, 2, 2})});
  });
}

}  // namespace
}  // namespace kinglet::test::mean_variance_normalization_test
