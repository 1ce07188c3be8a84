#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::det_test {
namespace {

// Expansion along the first row.
double Naive(const std::vector<double>& a, std::size_t n) {
  if (n == 0) return 1;
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) {
    std::vector<double> minor;
    for (std::size_t i = n; i < n * n; ++i) {
      if (i % n != k) minor.push_back(a[i]);
    }
    sum += (k % 2 == 0 ? 1 : -1) * a[k] * Naive(minor, n - 1);
  }
  return sum;
}

TEST(Det, EverySize) {
  for (std::int64_t n = 0; n < 7; ++n) {
    const Tensor x = Random({2, 3, n, n}, 1);
    const Tensor y = RunOp("Det", {x});
    ASSERT_EQ(y.shape(), (Shape{2, 3}));
    for (std::int64_t k = 0; k < 6; ++k) {
      const std::vector<double> a(x.data<float>() + k * n * n, x.data<float>() + (k + 1) * n * n);
      EXPECT_NEAR(y.data<float>()[k], Naive(a, static_cast<std::size_t>(n)), 1e-6);
    }
  }
}

TEST(Det, ByHand) {
  EXPECT_EQ(ValuesOf<float>(RunOp("Det", {Of<float>({2, 2}, {0, 2, 3, 4})})), Floats{-6});
  EXPECT_EQ(ValuesOf<double>(RunOp("Det", {Of<double>({2, 2}, {1, 2, 2, 4})})),
            std::vector<double>{0});
  EXPECT_EQ(RunOp("Det", {Random({2, 2}, 1)}).shape(), Shape{});
  EXPECT_EQ(RunOp("Det", {Random({0, 2, 2}, 1)}).shape(), Shape{0});
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("Det", {Random({3}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("Det", {Random({3, 2}, 1)}); });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("Det", {testing::Iota(DataType::kInt32, {2, 2})});
  });
}

}  // namespace
}  // namespace kinglet::test::det_test
