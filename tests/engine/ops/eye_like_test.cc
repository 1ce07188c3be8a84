#include <limits>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::eye_like_test {
namespace {

TEST(EyeLike, EveryDiagonal) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  for (const Shape& shape : {Shape{3, 4}, Shape{4, 3}, Shape{1, 1}}) {
    for (const std::int64_t k : {-kLargest - 1, std::int64_t{-4}, std::int64_t{-1}, std::int64_t{0},
                                 std::int64_t{2}, std::int64_t{4}, kLargest}) {
      const Tensor y = RunOp("EyeLike", {Random(shape, 1)}, {{"k", Int(k)}});
      for (std::int64_t i = 0; i < y.size(); ++i) {
        const bool one = k > -10 && k < 10 && i / shape[1] + k == i % shape[1];
        EXPECT_EQ(y.data<float>()[i], one ? 1.0f : 0.0f) << k << " " << i;
      }
    }
  }
}

// Numbers of ONNX: all but the complex ones, strings and small floats.
TEST(EyeLike, EveryType) {
  for (const std::int64_t type : {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16}) {
    const Tensor y =
        RunOp("EyeLike", {testing::Iota(DataType::kInt8, {2, 2})}, {{"dtype", Int(type)}});
    EXPECT_EQ(ValuesOf<float>(RunOp("Cast", {y}, {{"to", Int(1)}})), (Floats{1, 0, 0, 1})) << type;
  }
  EXPECT_EQ(RunOp("EyeLike", {testing::Iota(DataType::kInt8, {2, 2})}).type(), DataType::kInt8);
}

TEST(EyeLike, EmptyAndWrong) {
  EXPECT_EQ(RunOp("EyeLike", {Random({0, 3}, 1)}).shape(), (Shape{0, 3}));
  EXPECT_EQ(RunOp("EyeLike", {Random({3, 0}, 1)}).shape(), (Shape{3, 0}));
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("EyeLike", {Random({3}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("EyeLike", {Random({3, 3}, 1)}, {{"dtype", Int(77)}});
  });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("EyeLike", {Random({3, 3}, 1)}, {{"dtype", Int(8)}});
  });
}

}  // namespace
}  // namespace kinglet::test::eye_like_test
