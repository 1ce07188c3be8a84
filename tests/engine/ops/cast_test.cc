#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/common/half.h"
#include "tests/support/op_runner.h"

namespace kinglet::cast_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using testing::SameTensor;

constexpr std::int64_t kOnnxFloat = 1, kOnnxUInt8 = 2, kOnnxInt8 = 3, kOnnxInt32 = 6,
                       kOnnxInt64 = 7, kOnnxBool = 9, kOnnxFloat16 = 10, kOnnxDouble = 11,
                       kOnnxBFloat16 = 16;

Tensor CastTo(const Tensor& in, std::int64_t to) {
  Attributes attributes;
  attributes.Set("to", to);
  return EvaluateOp("Cast", {in}, attributes, 13)[0];
}

TEST(Cast, BetweenNumbers) {
  const Tensor in = Tensor::From<float>({5}, {-1.5f, 0.0f, 1.9f, 200.0f, -0.0f});
  EXPECT_TRUE(
      SameTensor(Tensor::From<std::int32_t>({5}, {-1, 0, 1, 200, 0}), CastTo(in, kOnnxInt32)));
  EXPECT_TRUE(
      SameTensor(Tensor::From<std::uint8_t>({5}, {255, 0, 1, 200, 0}), CastTo(in, kOnnxUInt8)));
  EXPECT_TRUE(SameTensor(Tensor::From<double>({5}, {-1.5, 0.0, double{1.9f}, 200.0, -0.0}),
                         CastTo(in, kOnnxDouble)));
  const Tensor truth = CastTo(in, kOnnxBool);
  EXPECT_THAT(std::vector<bool>(truth.data<bool>(), truth.data<bool>() + 5),
              ::testing::ElementsAre(true, false, true, true, false));
  EXPECT_TRUE(SameTensor(Tensor::From<float>({5}, {1, 0, 1, 1, 0}), CastTo(truth, kOnnxFloat)));
  EXPECT_TRUE(SameTensor(Tensor::From<std::int8_t>({2}, {-128, 1}),
                         CastTo(Tensor::From<std::int64_t>({2}, {128, 257}), kOnnxInt8)));
}

TEST(Cast, WhatNoIntegerHoldsIsDefined) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor in = Tensor::From<float>({4}, {NAN, infinity, -infinity, 1e30f});
  EXPECT_TRUE(
      SameTensor(Tensor::From<std::int64_t>({4}, {0, std::numeric_limits<std::int64_t>::max(),
                                                  std::numeric_limits<std::int64_t>::min(),
                                                  std::numeric_limits<std::int64_t>::max()}),
                 CastTo(in, kOnnxInt64)));
}

TEST(Cast, EveryFloat16RoundTrips) {
  std::vector<std::uint16_t> bits(1 << 16);
  for (std::size_t k = 0; k < bits.size(); ++k) bits[k] = static_cast<std::uint16_t>(k);
  for (const auto& [type, to] : {std::pair{DataType::kFloat16, kOnnxFloat16},
                                 std::pair{DataType::kBFloat16, kOnnxBFloat16}}) {
    const Tensor half = Tensor::Wrap(type, {1 << 16}, bits.data(), bits.size() * 2, nullptr);
    const Tensor wide = CastTo(half, kOnnxFloat);
    const Tensor back = CastTo(wide, to);
    for (std::size_t k = 0; k < bits.size(); ++k) {
      std::uint16_t found;
      std::memcpy(&found, static_cast<const char*>(back.raw()) + 2 * k, 2);
      if (std::isnan(wide.data<float>()[k])) {
        EXPECT_TRUE(std::isnan(CastTo(back, kOnnxFloat).data<float>()[k]) || found != bits[k]);
        k += 997;  // a few of them
      } else {
        ASSERT_EQ(found, bits[k]);
      }
    }
  }
}

TEST(Cast, RoundsHalvesToEven) {
  using kernels::ToBFloat16;
  using kernels::ToFloat;
  using kernels::ToFloat16;
  // Between neighbours a and b of float16: below, at and above the middle.
  for (const auto& [a, b] : {std::pair{0x3C00, 0x3C01},
                             {0x0001, 0x0002},
                             {0x0000, 0x0001},
                             {0x03FF, 0x0400},
                             {0x7BFE, 0x7BFF},
                             {0x5401, 0x5402}}) {
    const float low = ToFloat(kernels::Float16{static_cast<std::uint16_t>(a)});
    const float high = ToFloat(kernels::Float16{static_cast<std::uint16_t>(b)});
    const float middle = (low + high) / 2;
    EXPECT_EQ(ToFloat16(std::nextafter(middle, low)).bits, a);
    EXPECT_EQ(ToFloat16(std::nextafter(middle, high)).bits, b);
    EXPECT_EQ(ToFloat16(middle).bits, a % 2 == 0 ? a : b);
    EXPECT_EQ(ToFloat16(-middle).bits, (a % 2 == 0 ? a : b) | 0x8000);
  }
  EXPECT_EQ(ToFloat16(65519.9f).bits, 0x7BFF);
  EXPECT_EQ(ToFloat16(65520.0f).bits, 0x7C00);
  EXPECT_EQ(ToFloat16(1e-30f).bits, 0);
  EXPECT_EQ(ToBFloat16(1.00390625f).bits, 0x3F80);  // halfway, to even
  EXPECT_EQ(ToBFloat16(1.01171875f).bits, 0x3F82);
  EXPECT_EQ(ToFloat(ToBFloat16(3e38f)), 0x1.C4p127f);
}

TEST(Cast, RefusesTypesThatAreNotThere) {
  const Tensor in = Tensor::From<float>({1}, {1});
  EXPECT_THAT(Catch([&] { CastTo(in, 8); }).message, HasSubstr("'to' = string"));
  EXPECT_THAT(Catch([&] { CastTo(in, 17); }).message, HasSubstr("float8e4m3fn"));
  EXPECT_THAT(Catch([&] { CastTo(in, 26); }).message, HasSubstr("int2"));
  EXPECT_EQ(Catch([&] { CastTo(in, 99); }).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] { EvaluateOp("Cast", {in}); }).code, ErrorCode::kInvalidModel);
}

TEST(CastLike, TakesTheSecondType) {
  const Tensor in = Tensor::From<float>({2}, {1.5f, 2.5f});
  EXPECT_TRUE(SameTensor(Tensor::From<std::int64_t>({2}, {1, 2}),
                         EvaluateOp("CastLike", {in, Tensor(DataType::kInt64, {})})[0]));
}

// Long runs and short ones, of every element size, beside a loop.
TEST(Where, LongAndShortRuns) {
  const std::vector<std::array<Shape, 3>> shapes = {
      {{{3, 700}, {3, 700}, {700}}}, {{{3, 1}, {3, 700}, {1}}},
      {{{700}, {}, {3, 1}}},         {{{500, 5}, {5}, {500, 1}}},
      {{{500, 1}, {500, 5}, {}}},    {{{4, 1, 3}, {500, 1}, {4, 500, 3}}}};
  for (const DataType type :
       {DataType::kUInt8, DataType::kInt16, DataType::kFloat32, DataType::kInt64}) {
    for (const auto& [sc, sa, sb] : shapes) {
      SCOPED_TRACE(ShapeToString(sc) + " " + ShapeToString(sa) + " " + ShapeToString(sb));
      Tensor condition(DataType::kBool, sc);
      for (std::int64_t i = 0; i < condition.size(); ++i) {
        condition.data<bool>()[i] = i * 7 % 5 < 2;
      }
      const Tensor a = testing::Iota(type, sa), b = testing::Iota(type, sb);
      const Tensor found = EvaluateOp("Where", {condition, a, b})[0];
      const Shape& out = found.shape();
      const auto size = static_cast<std::int64_t>(DataTypeSize(type));
      const auto offset = [&](const Shape& shape, std::int64_t flat) {
        std::int64_t at = 0, stride = 1;
        for (std::size_t d = 0; d < out.size(); ++d) {
          const std::int64_t index = flat % out[out.size() - 1 - d];
          flat /= out[out.size() - 1 - d];
          if (d >= shape.size()) break;
          const std::int64_t own = shape[shape.size() - 1 - d];
          if (own != 1) at += index * stride;
          stride *= own;
        }
        return at;
      };
      const auto bytes = [&](const Tensor& tensor, std::int64_t at) {
        const auto* from = static_cast<const char*>(tensor.raw()) + at * size;
        return std::string(from, from + size);
      };
      for (std::int64_t i = 0; i < found.size(); ++i) {
        const bool yes = condition.data<bool>()[offset(sc, i)];
        ASSERT_EQ(bytes(found, i), yes ? bytes(a, offset(sa, i)) : bytes(b, offset(sb, i))) << i;
      }
    }
  }
}

TEST(Where, Broadcasts) {
  Tensor condition(DataType::kBool, {2, 1, 3});
  for (const int k : {0, 2, 4}) condition.data<bool>()[k] = true;
  const Tensor a = testing::RandomFloats({4, 1}, 1);
  const Tensor b = testing::RandomFloats({2, 4, 3}, 2);
  const Tensor found = EvaluateOp("Where", {condition, a, b})[0];
  ASSERT_EQ(found.shape(), (Shape{2, 4, 3}));
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 3; ++k) {
        const int at = (i * 4 + j) * 3 + k;
        EXPECT_EQ(found.data<float>()[at],
                  condition.data<bool>()[i * 3 + k] ? a.data<float>()[j] : b.data<float>()[at]);
      }
    }
  }
  EXPECT_EQ(Catch([&] { EvaluateOp("Where", {a, a, b}); }).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Where", {condition, a, testing::RandomFloats({5, 3})});
            }).code,
            ErrorCode::kInvalidModel);
}

}  // namespace
}  // namespace kinglet::cast_test
