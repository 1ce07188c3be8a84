#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::bit_cast_test {
namespace {

constexpr int kOpset = 26;
constexpr std::int64_t kFloat = 1, kUInt8 = 2, kInt8 = 3, kInt32 = 6, kInt64 = 7, kBool = 9,
                       kFloat16 = 10, kDouble = 11;

Tensor CastTo(const Tensor& x, std::int64_t to) {
  return RunOp("BitCast", {x}, {{"to", Int(to)}}, kOpset);
}

TEST(BitCast, SameBits) {
  EXPECT_TRUE(testing::SameTensor(Of<std::int32_t>({2}, {0x3F800000, -0x7FFFFFFF - 1}),
                                  CastTo(Of<float>({2}, {1.0f, -0.0f}), kInt32)));
  EXPECT_TRUE(testing::SameTensor(Of<double>({1}, {1.0}),
                                  CastTo(Of<std::int64_t>({1}, {0x3FF0000000000000}), kDouble)));
  EXPECT_TRUE(testing::SameTensor(Of<std::int8_t>({1, 2}, {-1, 127}),
                                  CastTo(Of<std::uint8_t>({1, 2}, {255, 127}), kInt8)));
  EXPECT_TRUE(testing::SameTensor(Of<float>({}, {0.5f}), CastTo(Of<float>({}, {0.5f}), kFloat)));
  Tensor truth(DataType::kBool, {2});
  truth.data<bool>()[0] = true;
  truth.data<bool>()[1] = false;
  EXPECT_TRUE(testing::SameTensor(Of<std::uint8_t>({2}, {1, 0}), CastTo(truth, kUInt8)));
}

TEST(BitCast, EmptyAndWrong) {
  EXPECT_EQ(CastTo(Random({0, 3}, 1), kInt32).shape(), (Shape{0, 3}));
  ExpectError(ErrorCode::kInvalidModel, [] { CastTo(Random({3}, 1), kInt64); });
  ExpectError(ErrorCode::kInvalidModel, [] { CastTo(Random({3}, 1), 99); });
  ExpectError(ErrorCode::kUnsupported, [] { CastTo(Of<std::uint8_t>({1}, {2}), kBool); });
  ExpectError(ErrorCode::kUnsupported, [] { CastTo(Of<std::int16_t>({1}, {2}), kFloat16); });
}

}  // namespace
}  // namespace kinglet::test::bit_cast_test
