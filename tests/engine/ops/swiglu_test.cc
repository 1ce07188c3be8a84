#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::swiglu_test {
namespace {

constexpr int kOpset = 28;

TEST(SwiGlu, EveryLengthAndAlpha) {
  for (const std::int64_t length : {1, 7, 255, 256, 257, 9000}) {
    for (const float alpha : {1.0f, 1.5f}) {
      const Tensor a = Random({2, length}, 1, -4, 4), b = Random({2, length}, 2);
      Tensor expected(DataType::kFloat32, a.shape());
      for (std::int64_t i = 0; i < a.size(); ++i) {
        const double x = a.data<float>()[i];
        expected.data<float>()[i] =
            static_cast<float>(x / (1 + std::exp(-static_cast<double>(alpha) * x)) *
                               static_cast<double>(b.data<float>()[i]));
      }
      const Tensor found = alpha == 1.0f
                               ? RunOp("SwiGLU", {a, b}, {}, kOpset)
                               : RunOp("SwiGLU", {a, b}, {{"alpha", Float(alpha)}}, kOpset);
      ExpectNear(found, expected, 2e-6f);
    }
  }
}

TEST(SwiGlu, Float64) {
  const Tensor y = RunOp("SwiGLU", {Of<double>({1}, {2.0}), Of<double>({1}, {3.0})}, {}, kOpset);
  EXPECT_NEAR(y.data<double>()[0], 6 / (1 + std::exp(-2.0)), 1e-14);
}

TEST(SwiGlu, EmptyAndWrong) {
  EXPECT_EQ(RunOp("SwiGLU", {Random({0, 2}, 1), Random({0, 2}, 1)}, {}, kOpset).size(), 0);
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("SwiGLU", {Random({2, 3}, 1), Random({3}, 1)}, {}, kOpset);
  });
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("SwiGLU", {Random({1}, 1), Of<double>({1}, {1})}, {}, kOpset);
  });
}

}  // namespace
}  // namespace kinglet::test::swiglu_test
