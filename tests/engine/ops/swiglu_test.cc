#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test {
namespace {

TEST(SwiGlu, AsDefined) {
  const Tensor a = Random({3, 5}, 1, -4, 4), b = Random({3, 5}, 2);
  for (const float alpha : {1.0f, 1.7f}) {
    const Tensor y = alpha == 1.0f ? RunOp("SwiGLU", {a, b}, {}, 28)
                                   : RunOp("SwiGLU", {a, b}, {{"alpha", Float(alpha)}}, 28);
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const double gate = a.data<float>()[i], value = b.data<float>()[i];
      EXPECT_NEAR(y.data<float>()[i], gate / (1 + std::exp(-gate * alpha)) * value, 1e-5);
    }
  }
  EXPECT_EQ(ValuesOf<double>(RunOp("SwiGLU", {Of<double>({1}, {0}), Of<double>({1}, {3})}, {}, 28)),
            std::vector<double>{0});
  EXPECT_EQ(RunOp("SwiGLU", {Random({0}, 1), Random({0}, 1)}, {}, 28).shape(), Shape{0});
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("SwiGLU", {a, Random({5}, 1)}, {}, 28); });
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("SwiGLU", {Random({1}, 1), Of<double>({1}, {3})}, {}, 28);
  });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("SwiGLU", {testing::Iota(DataType::kInt8, {2}), testing::Iota(DataType::kInt8, {2})}, {},
          28);
  });
}

}  // namespace
}  // namespace kinglet::test
