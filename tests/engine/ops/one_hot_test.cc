#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::one_hot_test {
namespace {

TEST(OneHot, AxesTypesAndIndicesOutOfRange) {
  const Tensor indices = Of<std::int64_t>({2, 2}, {0, -1, 3, 1});
  const Tensor depth = Of<std::int32_t>({}, {3}), values = Of<std::int8_t>({2}, {-1, 5});
  for (std::int64_t axis = -3; axis < 3; ++axis) {
    const auto along = static_cast<std::size_t>((axis + 3) % 3);
    const Tensor found = RunOp("OneHot", {indices, depth, values}, {{"axis", Int(axis)}});
    Shape shape = {2, 2};
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(along), 3);
    ASSERT_EQ(found.shape(), shape);
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t j = 0; j < 2; ++j) {
        for (std::int64_t d = 0; d < 3; ++d) {
          const std::int64_t at = along == 0   ? d * 4 + i * 2 + j
                                  : along == 1 ? i * 6 + d * 2 + j
                                               : i * 6 + j * 3 + d;
          std::int64_t index = indices.data<std::int64_t>()[i * 2 + j];
          if (index < 0) index += 3;
          EXPECT_EQ(found.data<std::int8_t>()[at], index == d ? 5 : -1) << axis;
        }
      }
    }
  }
}

TEST(OneHot, FloatIndicesAndDepth) {
  const float nan = std::nanf("");
  const Tensor found = RunOp(
      "OneHot", {Of<float>({4}, {1, -2, nan, 1e30f}), Of<float>({1}, {2}), Of<float>({2}, {0, 1})});
  EXPECT_EQ(ValuesOf<float>(found), (Floats{0, 1, 1, 0, 0, 0, 0, 0}));
}

TEST(OneHot, WrongInputs) {
  const Tensor indices = Of<std::int64_t>({1}, {0}), values = Of<float>({2}, {0, 1});
  const auto run = [&](const Tensor& depth, const Tensor& v) {
    RunOp("OneHot", {indices, depth, v});
  };
  EXPECT_EQ(RunOp("OneHot", {indices, Of<std::int64_t>({}, {0}), values}).size(), 0);
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<std::int64_t>({}, {-1}), values); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<float>({}, {std::nanf("")}), values); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<std::int64_t>({2}, {1, 2}), values); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(Of<std::int64_t>({}, {1}), Of<float>({3}, {0, 1, 2}));
  });
  ExpectError(ErrorCode::kResource,
              [&] { run(Of<std::int64_t>({}, {std::int64_t{1} << 60}), values); });
}

}  // namespace
}  // namespace kinglet::test::one_hot_test
