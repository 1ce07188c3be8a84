#include <cmath>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::softmax_test {
namespace {

// {outer, length, inner}: the slow way, in double.
Tensor Naive(const Tensor& x, std::int64_t outer, std::int64_t length, std::int64_t inner,
             bool log) {
  Tensor y = x.Clone();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const auto at = [&](std::int64_t k) { return (o * length + k) * inner + i; };
      double sum = 0;
      for (std::int64_t k = 0; k < length; ++k) {
        sum += std::exp(static_cast<double>(x.data<float>()[at(k)]));
      }
      for (std::int64_t k = 0; k < length; ++k) {
        const double v = x.data<float>()[at(k)];
        y.data<float>()[at(k)] = static_cast<float>(log ? v - std::log(sum) : std::exp(v) / sum);
      }
    }
  }
  return y;
}

TEST(Softmax, AlongAnAxisFrom13) {
  const Tensor x = Random({2, 3, 4, 5}, 1, -4, 4);
  for (const bool log : {false, true}) {
    const char* op = log ? "LogSoftmax" : "Softmax";
    ExpectNear(RunOp(op, {x}, {}, 13), Naive(x, 24, 5, 1, log), 4e-6f);
    ExpectNear(RunOp(op, {x}, {{"axis", Int(1)}}, 13), Naive(x, 2, 3, 20, log), 4e-6f);
    ExpectNear(RunOp(op, {x}, {{"axis", Int(-4)}}, 13), Naive(x, 1, 2, 60, log), 4e-6f);
    const auto split = EvaluateBlocked(MakeNode(op, 1, {{"axis", Int(1)}}), {x}, {Given::kBlocked});
    ExpectNear(split.outputs[0], Naive(x, 2, 3, 20, log), 4e-6f);
  }
}

TEST(Softmax, FlattensBefore13) {
  const Tensor x = Random({2, 3, 4, 5}, 1, -4, 4);
  for (const bool log : {false, true}) {
    const char* op = log ? "LogSoftmax" : "Softmax";
    ExpectNear(RunOp(op, {x}, {}, 7), Naive(x, 2, 60, 1, log), 4e-6f);
    ExpectNear(RunOp(op, {x}, {{"axis", Int(2)}}, 12), Naive(x, 6, 20, 1, log), 4e-6f);
    ExpectNear(RunOp(op, {x}, {{"axis", Int(0)}}, 11), Naive(x, 1, 120, 1, log), 4e-6f);
    ExpectNear(RunOp(op, {x}, {{"axis", Int(-1)}}, 11), Naive(x, 24, 5, 1, log), 4e-6f);
  }
}

TEST(Softmax, LargeValuesAndDoubles) {
  ExpectNear(RunOp("Softmax", {Of<float>({1, 2}, {1000, 1000})}), Of<float>({1, 2}, {0.5f, 0.5f}));
  const Tensor y = RunOp("Softmax", {Of<double>({2}, {0, std::log(3.0)})});
  EXPECT_NEAR(y.data<double>()[0], 0.25, 1e-12);
  const Tensor z = RunOp("LogSoftmax", {Of<double>({2}, {0, std::log(3.0)})});
  EXPECT_NEAR(z.data<double>()[1], std::log(0.75), 1e-12);
}

TEST(Softmax, EmptyAndWrong) {
  EXPECT_EQ(RunOp("Softmax", {Tensor(DataType::kFloat32, {2, 0})}).shape(), (Shape{2, 0}));
  EXPECT_EQ(RunOp("Softmax", {Tensor(DataType::kFloat32, {0, 3})}).shape(), (Shape{0, 3}));
  const Tensor x = Random({2, 3}, 1);
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Softmax", {x}, {{"axis", Int(-9)}}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Softmax", {x}, {{"axis", Int(2)}}, 13); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Softmax", {x}, {{"axis", Int(3)}}, 12); });
  ExpectError(ErrorCode::kUnsupported, [] { RunOp("Softmax", {Of<std::int64_t>({1}, {1})}); });
}

TEST(Hardmax, OneAtTheFirstOfTheLargest) {
  const Tensor x = Of<float>({2, 2, 3}, {1, 5, 5, 2, 0, -1, -3, -2, -2, 4, 4, 4});
  EXPECT_EQ(ValuesOf<float>(RunOp("Hardmax", {x}, {}, 13)),
            (Floats{0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(ValuesOf<float>(RunOp("Hardmax", {x}, {{"axis", Int(1)}}, 13)),
            (Floats{0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(ValuesOf<float>(RunOp("Hardmax", {x}, {{"axis", Int(-3)}}, 13)),
            (Floats{1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1}));
  // Before version 13 everything behind the axis is one row.
  for (const int opset : {7, 11}) {
    EXPECT_EQ(ValuesOf<float>(RunOp("Hardmax", {x}, {}, opset)),
              (Floats{0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}));
    EXPECT_EQ(ValuesOf<float>(RunOp("Hardmax", {x}, {{"axis", Int(0)}}, opset)),
              (Floats{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  }
  EXPECT_EQ(ValuesOf<double>(RunOp("Hardmax", {Of<double>({3}, {1, 3, 2})}, {}, 13)),
            (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(ValuesOf<float>(RunOp("Hardmax", {Of<float>({}, {3})}, {}, 13)), Floats{1});
  EXPECT_EQ(RunOp("Hardmax", {Tensor(DataType::kFloat32, {2, 0})}, {}, 13).shape(), (Shape{2, 0}));
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Hardmax", {x}, {{"axis", Int(3)}}, 13); });
  ExpectError(ErrorCode::kUnsupported,
              [] { RunOp("Hardmax", {Of<std::int64_t>({1}, {1})}, {}, 13); });
}

TEST(Hardmax, LongRowsAndColumns) {
  const Tensor x = Random({3, 70, 90}, 4, -9, 9);
  for (const std::int64_t axis : {0, 1, 2}) {
    const auto y = ValuesOf<float>(RunOp("Hardmax", {x}, {{"axis", Int(axis)}}, 13));
    const std::int64_t size = x.shape()[static_cast<std::size_t>(axis)];
    const std::int64_t inner = axis == 2 ? 1 : axis == 1 ? 90 : 6300;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const float* line = x.data<float>() + i / (size * inner) * size * inner + i % inner;
      const std::int64_t own = i / inner % size;
      bool largest = true;
      for (std::int64_t k = 0; k < size; ++k) {
        const float other = line[k * inner], value = line[own * inner];
        largest = largest && (k < own ? other < value : other <= value);
      }
      ASSERT_EQ(y[static_cast<std::size_t>(i)], largest ? 1.0f : 0.0f) << axis << ", " << i;
    }
  }
}

}  // namespace
}  // namespace kinglet::test::softmax_test
