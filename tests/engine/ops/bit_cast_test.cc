#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test {
namespace {

TEST(BitCast, KeepsTheBits) {
  const Tensor x = Of<float>({3}, {1.0f, -0.0f, 2.0f});
  const Tensor y = RunOp("BitCast", {x}, {{"to", Int(6)}}, 26);
  EXPECT_EQ(ValuesOf<std::int32_t>(y),
            (std::vector<std::int32_t>{0x3F800000, std::int32_t{-0x7FFFFFFF - 1}, 0x40000000}));
  EXPECT_TRUE(testing::SameTensor(x, RunOp("BitCast", {y}, {{"to", Int(1)}}, 26)));
  EXPECT_EQ(ValuesOf<std::uint8_t>(
                RunOp("BitCast", {Of<std::int8_t>({2}, {-1, 5})}, {{"to", Int(2)}}, 26)),
            (std::vector<std::uint8_t>{255, 5}));
  EXPECT_EQ(ValuesOf<std::int64_t>(RunOp("BitCast", {Of<double>({}, {1.0})}, {{"to", Int(7)}}, 26)),
            std::vector<std::int64_t>{0x3FF0000000000000});
  EXPECT_EQ(RunOp("BitCast", {Random({0, 2}, 1)}, {{"to", Int(6)}}, 26).shape(), (Shape{0, 2}));
}

TEST(BitCast, WrongTypes) {
  const Tensor x = Random({2}, 1);
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("BitCast", {x}, {}, 26); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("BitCast", {x}, {{"to", Int(7)}}, 26); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("BitCast", {x}, {{"to", Int(99)}}, 26); });
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("BitCast", {x}, {{"to", Int(8)}}, 26); });
}

}  // namespace
}  // namespace kinglet::test
