#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::cum_sum_test {
namespace {

TEST(CumSum, EveryAxisAndOption) {
  const Tensor x = testing::Iota(DataType::kInt32, {3, 4, 300});
  const std::int64_t strides[] = {1200, 300, 1};
  for (std::int64_t axis = -3; axis < 3; ++axis) {
    const auto along = static_cast<std::size_t>((axis + 3) % 3);
    const std::int64_t size = x.shape()[along], stride = strides[along];
    for (const bool exclusive : {false, true}) {
      for (const bool reverse : {false, true}) {
        const Tensor y = RunOp("CumSum", {x, Of<std::int64_t>({}, {axis})},
                               {{"exclusive", Int(exclusive)}, {"reverse", Int(reverse)}});
        for (std::int64_t i = 0; i < x.size(); ++i) {
          const std::int64_t k = i / stride % size;
          std::int32_t sum = exclusive ? 0 : x.data<std::int32_t>()[i];
          for (std::int64_t j = reverse ? k + 1 : 0; j < (reverse ? size : k); ++j) {
            sum += x.data<std::int32_t>()[i + (j - k) * stride];
          }
          ASSERT_EQ(y.data<std::int32_t>()[i], sum) << axis << exclusive << reverse << " " << i;
        }
      }
    }
  }
}

TEST(CumProd, EveryAxisAndOption) {
  Tensor x(DataType::kInt64, {2, 3, 5});
  for (std::int64_t i = 0; i < x.size(); ++i) x.data<std::int64_t>()[i] = i % 7 - 3;
  const std::int64_t strides[] = {15, 5, 1};
  for (std::int64_t axis = -3; axis < 3; ++axis) {
    const auto along = static_cast<std::size_t>((axis + 3) % 3);
    const std::int64_t size = x.shape()[along], stride = strides[along];
    for (const bool exclusive : {false, true}) {
      for (const bool reverse : {false, true}) {
        const Tensor y = RunOp("CumProd", {x, Of<std::int64_t>({}, {axis})},
                               {{"exclusive", Int(exclusive)}, {"reverse", Int(reverse)}}, 26);
        for (std::int64_t i = 0; i < x.size(); ++i) {
          const std::int64_t k = i / stride % size;
          std::int64_t product = exclusive ? 1 : x.data<std::int64_t>()[i];
          for (std::int64_t j = reverse ? k + 1 : 0; j < (reverse ? size : k); ++j) {
            product *= x.data<std::int64_t>()[i + (j - k) * stride];
          }
          ASSERT_EQ(y.data<std::int64_t>()[i], product) << axis << exclusive << reverse << " " << i;
        }
      }
    }
  }
}

TEST(CumProd, FloatsWrapAroundEmptyAndWrong) {
  const Tensor axis = Of<std::int64_t>({}, {0});
  EXPECT_EQ(ValuesOf<float>(RunOp("CumProd", {Of<float>({3}, {2, 0.5f, -3}), axis}, {}, 26)),
            (Floats{2, 1, -3}));
  EXPECT_EQ(ValuesOf<std::int32_t>(
                RunOp("CumProd", {Of<std::int32_t>({2}, {65536, 65537}), axis}, {}, 26)),
            (std::vector<std::int32_t>{65536, 65536}));
  EXPECT_EQ(RunOp("CumProd", {Tensor(DataType::kFloat32, {0}), axis}, {}, 26).size(), 0);
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("CumProd", {Of<float>({}, {1}), axis}, {}, 26);
  });
}

TEST(CumSum, EmptyAndWrong) {
  EXPECT_EQ(RunOp("CumSum", {Tensor(DataType::kFloat32, {2, 0}), Of<std::int32_t>({}, {1})}).size(),
            0);
  const Tensor x = testing::Iota(DataType::kFloat32, {3});
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("CumSum", {x, Of<std::int64_t>({}, {1})}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("CumSum", {x, Of<std::int64_t>({2}, {0, 0})});
  });
}

TEST(CumProd, EveryOption) {
  const Tensor x = Of<float>({2, 3}, {2, 3, 4, -1, 0.5f, 8});
  const auto run = [&](std::int64_t axis, bool exclusive, bool reverse) {
    return ValuesOf<float>(RunOp("CumProd", {x, Of<std::int64_t>({}, {axis})},
                                 {{"exclusive", Int(exclusive)}, {"reverse", Int(reverse)}}, 26));
  };
  EXPECT_EQ(run(1, false, false), (Floats{2, 6, 24, -1, -0.5f, -4}));
  EXPECT_EQ(run(-1, true, false), (Floats{1, 2, 6, 1, -1, -0.5f}));
  EXPECT_EQ(run(1, false, true), (Floats{24, 12, 4, -4, 4, 8}));
  EXPECT_EQ(run(1, true, true), (Floats{12, 4, 1, 4, 8, 1}));
  EXPECT_EQ(run(0, false, false), (Floats{2, 3, 4, -2, 1.5f, 32}));
}

TEST(CumProd, IntegersWrapAround) {
  const Tensor x = Of<std::int32_t>({3}, {1 << 30, 2, 3});
  EXPECT_EQ(ValuesOf<std::int32_t>(RunOp("CumProd", {x, Of<std::int64_t>({}, {0})}, {}, 26)),
            (std::vector<std::int32_t>{1 << 30, -0x7FFFFFFF - 1, -0x7FFFFFFF - 1}));
}

}  // namespace
}  // namespace kinglet::test::cum_sum_test
