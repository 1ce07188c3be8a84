#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/index.h"
#include "tests/support/op_runner.h"

namespace kinglet::reduce_test {
namespace {

using testing::Catch;
using testing::FlatIndex;
using testing::ForEachIndex;
using testing::Index;
using testing::MakeNode;
using testing::NearTensor;
using testing::RandomFloats;
using testing::SameTensor;

struct Reduction {
  const char* op;
  std::function<double(const std::vector<double>&)> of;
};

double Fold(const std::vector<double>& x, double start,
            const std::function<double(double, double)>& f) {
  for (const double value : x) start = f(start, value);
  return start;
}

const std::vector<Reduction>& Reductions() {
  using List = std::vector<double>;
  static const auto sum = [](const List& x) { return Fold(x, 0, std::plus<>()); };
  static const auto square = [](double s, double v) { return s + v * v; };
  static const std::vector<Reduction> all = {
      {"ReduceSum", sum},
      {"ReduceMean", [](const List& x) { return sum(x) / static_cast<double>(x.size()); }},
      {"ReduceMax",
       [](const List& x) {
         return Fold(x, -INFINITY, [](double a, double b) { return std::max(a, b); });
       }},
      {"ReduceMin",
       [](const List& x) {
         return Fold(x, INFINITY, [](double a, double b) { return std::min(a, b); });
       }},
      {"ReduceProd", [](const List& x) { return Fold(x, 1, std::multiplies<>()); }},
      {"ReduceL1",
       [](const List& x) {
         return Fold(x, 0, [](double s, double v) { return s + std::abs(v); });
       }},
      {"ReduceL2", [](const List& x) { return std::sqrt(Fold(x, 0, square)); }},
      {"ReduceSumSquare", [](const List& x) { return Fold(x, 0, square); }},
      {"ReduceLogSum", [](const List& x) { return std::log(sum(x)); }},
      {"ReduceLogSumExp",
       [](const List& x) {
         return std::log(Fold(x, 0, [](double s, double v) { return s + std::exp(v); }));
       }},
  };
  return all;
}

Tensor Naive(const Tensor& in, const std::vector<std::int64_t>& axes, bool keep,
             const std::function<double(const std::vector<double>&)>& of) {
  const auto gone = [&](std::size_t k) {
    return axes.empty() ||
           std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
  };
  Shape kept = in.shape(), out;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    if (gone(k)) kept[k] = 1;
    if (!gone(k) || keep) out.push_back(kept[k]);
  }
  std::vector<std::vector<double>> groups(static_cast<std::size_t>(ElementCount(kept)));
  ForEachIndex(in.shape(), [&](Index index, std::int64_t at) {
    for (std::size_t k = 0; k < index.size(); ++k) index[k] = gone(k) ? 0 : index[k];
    groups[static_cast<std::size_t>(FlatIndex(kept, index))].push_back(
        static_cast<double>(in.data<float>()[at]));
  });
  Tensor result(DataType::kFloat32, out);
  for (std::size_t k = 0; k < groups.size(); ++k) {
    result.data<float>()[k] = static_cast<float>(of(groups[k]));
  }
  return result;
}

Attributes AxesAttribute(const std::vector<std::int64_t>& axes, bool keep) {
  Attributes attributes;
  if (!axes.empty()) attributes.Set("axes", axes);
  attributes.Set("keepdims", std::int64_t{keep});
  return attributes;
}

TEST(Reduce, EveryOperatorOnEverySetOfAxes) {
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 40, 1, 33}, Shape{3, 300}}) {
    Tensor in = RandomFloats(shape);
    for (const Reduction& reduction : Reductions()) {
      const bool logarithm = std::string(reduction.op) == "ReduceLogSum";
      for (std::int64_t k = 0; k < in.size(); ++k) {
        if (logarithm) in.data<float>()[k] = std::abs(in.data<float>()[k]) + 0.1f;
      }
      for (std::uint32_t mask = 0; mask < 1u << shape.size(); ++mask) {
        std::vector<std::int64_t> axes;
        for (std::size_t k = 0; k < shape.size(); ++k) {
          if (mask >> k & 1) axes.push_back(static_cast<std::int64_t>(k));
        }
        for (const bool keep : {false, true}) {
          const Tensor expected = Naive(in, axes, keep, reduction.of);
          const int opset = std::string(reduction.op) == "ReduceSum" ? 11 : 13;
          const Tensor found = EvaluateOp(reduction.op, {in}, AxesAttribute(axes, keep), opset)[0];
          EXPECT_TRUE(NearTensor(expected, found, 2e-5, 2e-5)) << reduction.op << " mask " << mask;
        }
      }
    }
  }
}

TEST(Reduce, AxesAsInput) {
  const Tensor in = RandomFloats({2, 3, 4});
  const Tensor axes = Tensor::From<std::int64_t>({1}, {-1});
  const Tensor none(DataType::kInt64, {0});
  for (const auto& [op, opset] : {std::pair{"ReduceSum", 13}, std::pair{"ReduceMax", 18}}) {
    EXPECT_EQ(EvaluateOp(op, {in, axes}, {}, opset)[0].shape(), (Shape{2, 3, 1}));
    EXPECT_EQ(EvaluateOp(op, {in, none}, {}, opset)[0].shape(), (Shape{1, 1, 1}));
    Attributes attributes;
    attributes.Set("noop_with_empty_axes", std::int64_t{1});
    EXPECT_TRUE(SameTensor(in, EvaluateOp(op, {in, none}, attributes, opset)[0]));
  }
  EXPECT_EQ(Catch([&] {
              EvaluateOp("ReduceSum", {in, Tensor::From<std::int64_t>({1}, {3})});
            }).code,
            ErrorCode::kInvalidModel);
}

TEST(Reduce, IntegersKeepTheirTypeAndNeverOverflow) {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  const Tensor in = Tensor::From<std::int32_t>({4}, {kMax, kMax, -3, -7});
  const auto run = [&](const char* op) { return EvaluateOp(op, {in}, {}, 11)[0]; };
  EXPECT_EQ(run("ReduceMean").data<std::int32_t>()[0], (std::int64_t{2} * kMax - 10) / 4);
  EXPECT_EQ(run("ReduceMax").data<std::int32_t>()[0], kMax);
  EXPECT_EQ(run("ReduceMin").data<std::int32_t>()[0], -7);
  EXPECT_EQ(run("ReduceSum").data<std::int32_t>()[0], -12);  // modulo 2^32
  const Tensor small = Tensor::From<std::int64_t>({3}, {3, -4, 0});
  EXPECT_EQ(EvaluateOp("ReduceL2", {small}, {}, 11)[0].data<std::int64_t>()[0], 5);
  EXPECT_EQ(EvaluateOp("ReduceL1", {small}, {}, 11)[0].data<std::int64_t>()[0], 7);
}

TEST(Reduce, NothingToReduce) {
  const Tensor empty(DataType::kFloat32, {2, 0});
  EXPECT_TRUE(SameTensor(Tensor::From<float>({2}, {0, 0}),
                         EvaluateOp("ReduceSum", {empty}, AxesAttribute({1}, false), 11)[0]));
  EXPECT_TRUE(SameTensor(Tensor::From<float>({2}, {1, 1}),
                         EvaluateOp("ReduceProd", {empty}, AxesAttribute({1}, false), 11)[0]));
  EXPECT_TRUE(SameTensor(Tensor::From<float>({2}, {-INFINITY, -INFINITY}),
                         EvaluateOp("ReduceMax", {empty}, AxesAttribute({1}, false), 11)[0]));
  EXPECT_EQ(EvaluateOp("ReduceSum", {empty}, AxesAttribute({0}, false), 11)[0].shape(), Shape{0});
  const Tensor scalar = Tensor::From<float>({}, {3});
  EXPECT_TRUE(SameTensor(scalar, EvaluateOp("ReduceMean", {scalar}, {}, 13)[0]));
}

TEST(Reduce, RefusesMoreAxesThanTensorsHave) {
  const Tensor in(DataType::kFloat32, Shape(12, 1));
  Attributes attributes;
  attributes.Set("keepdims", std::int64_t{0});
  EXPECT_EQ(Catch([&] { EvaluateOp("ReduceSum", {in}, attributes); }).code,
            ErrorCode::kUnsupported);
}

TEST(Reduce, LogSumExpOfLargeValues) {
  const Tensor in = Tensor::From<float>({3}, {1000, 1000, -1000});
  const float found = EvaluateOp("ReduceLogSumExp", {in}, {}, 13)[0].data<float>()[0];
  EXPECT_NEAR(found, 1000.6931f, 1e-3f);
}

TEST(Reduce, BlockedMapsArePooled) {
  for (const std::int64_t channels : {16, 5, 40}) {
    const Tensor in = RandomFloats({2, channels, 6, 7});
    for (const char* op : {"ReduceMean", "ReduceMax"}) {
      for (const bool keep : {false, true}) {
        const Node node = MakeNode(op, 1, AxesAttribute({2, 3}, keep), 13);
        const auto result = testing::RunBlocked(node, {in});
        EXPECT_EQ(result.blocked[0], keep);
        const auto& of = Reductions()[op == std::string("ReduceMean") ? 1 : 2].of;
        EXPECT_TRUE(NearTensor(Naive(in, {2, 3}, keep, of), result.outputs[0], 1e-5, 1e-6));
      }
    }
  }
}

TEST(ArgMax, EveryAxisAndTies) {
  const Tensor in = Tensor::From<float>(
      {2, 3, 4}, {1, 5, 2, 2, 7, 5, 2, 0, 7, 1, 2, 9, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const bool max : {true, false}) {
      for (const bool last : {true, false}) {
        Attributes attributes;
        attributes.Set("axis", static_cast<std::int64_t>(axis) - 3);
        attributes.Set("select_last_index", std::int64_t{last});
        const Tensor found = EvaluateOp(max ? "ArgMax" : "ArgMin", {in}, attributes, 13)[0];
        Shape out = in.shape();
        out[axis] = 1;
        ASSERT_EQ(found.shape(), out);
        ForEachIndex(out, [&](Index index, std::int64_t at) {
          std::int64_t best = 0;
          const auto value = [&](std::int64_t k) {
            index[axis] = k;
            return in.data<float>()[FlatIndex(in.shape(), index)];
          };
          for (std::int64_t k = 1; k < in.shape()[axis]; ++k) {
            const float a = value(k), b = value(best);
            if ((max ? a > b : a < b) || (last && a == b)) best = k;
          }
          EXPECT_EQ(found.data<std::int64_t>()[at], best);
        });
      }
    }
  }
}

TEST(ArgMax, DropsTheAxisAndRefusesAnEmptyOne) {
  Attributes attributes;
  attributes.Set("keepdims", std::int64_t{0});
  EXPECT_EQ(EvaluateOp("ArgMax", {RandomFloats({3, 4})}, attributes)[0].shape(), Shape{4});
  EXPECT_EQ(Catch([&] {
              EvaluateOp("ArgMax", {Tensor(DataType::kFloat32, {0, 4})});
            }).code,
            ErrorCode::kInvalidModel);
}

}  // namespace
}  // namespace kinglet::reduce_test
