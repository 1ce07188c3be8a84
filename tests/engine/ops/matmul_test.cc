#include <gtest/gtest.h>

#include "tests/support/op_runner.h"

namespace kinglet::matmul_test {
namespace {

Tensor Zeros(Shape shape) { return Tensor(DataType::kFloat32, std::move(shape)); }

Shape ProductShape(Shape a, Shape b) {
  return EvaluateOp("MatMul", {Zeros(std::move(a)), Zeros(std::move(b))}).at(0).shape();
}

// Of a product without elements there may be any number: nothing is kept for each of them.
TEST(MatMulTest, AnyNumberOfEmptyProducts) {
  constexpr std::int64_t kMany = std::int64_t{1} << 45;
  EXPECT_EQ(ProductShape({kMany, 0, 3}, {3, 2}), (Shape{kMany, 0, 2}));
  EXPECT_EQ(ProductShape({2, 3}, {kMany, 3, 0}), (Shape{kMany, 2, 0}));
  EXPECT_EQ(ProductShape({0, 2, 3}, {1, 3, 4}), (Shape{0, 2, 4}));
}

TEST(MatMulTest, ASumOfNothingIsZero) {
  const std::vector<Tensor> outputs = EvaluateOp("MatMul", {Zeros({2, 1, 0}), Zeros({0, 3})});
  ASSERT_EQ(outputs.at(0).shape(), (Shape{2, 1, 3}));
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(outputs[0].data<float>()[i], 0.0f);
}

}  // namespace
}  // namespace kinglet::matmul_test
