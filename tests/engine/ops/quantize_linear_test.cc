#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "engine/ops/dispatch.h"
#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::quantize_linear_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using testing::Index;
using testing::RandomFloats;
using testing::SameTensor;

template <typename T>
Tensor One(T value) {
  return Tensor::From<T>({}, {value});
}
Attributes Axis(std::int64_t axis, std::int64_t block = 0) {
  Attributes attributes;
  attributes.Set("axis", axis);
  if (block > 0) attributes.Set("block_size", block);
  return attributes;
}

template <typename T>
T NaiveQuantize(float x, float scale, T zero) {
  const double q = std::nearbyint(static_cast<double>(x / scale)) + static_cast<double>(zero);
  return static_cast<T>(std::clamp(q, static_cast<double>(std::numeric_limits<T>::lowest()),
                                   static_cast<double>(std::numeric_limits<T>::max())));
}

TEST(QuantizeLinear, RoundsHalvesToEvenAndSaturates) {
  const Tensor in = Tensor::From<float>({12}, {0, 1, 3, 5, -1, -3, 254, 255, 257, 1e30f, -1e30f,
                                               std::numeric_limits<float>::infinity()});
  EXPECT_TRUE(
      SameTensor(Tensor::From<std::uint8_t>({12}, {0, 0, 2, 2, 0, 0, 127, 128, 128, 255, 0, 255}),
                 EvaluateOp("QuantizeLinear", {in, One(2.0f)}, {}, 13)[0]));
  EXPECT_TRUE(SameTensor(
      Tensor::From<std::int8_t>({12}, {1, 1, 3, 3, 1, -1, 127, 127, 127, 127, -128, 127}),
      EvaluateOp("QuantizeLinear", {in, One(2.0f), One<std::int8_t>(1)}, {}, 10)[0]));
}

TEST(QuantizeLinear, BlockedBothWays) {
  for (const std::int64_t channels : {1, 15, 16, 17, 63, 64, 65, 80, 130}) {
    const Tensor x = RandomFloats({2, channels, 3, 5}, static_cast<std::uint32_t>(channels));
    const Tensor q = testing::RandomBytes<std::uint8_t>({2, channels, 3, 5}, 3);
    std::vector<float> scales;
    for (std::int64_t c = 0; c < channels; ++c) {
      scales.push_back(0.01f + 0.001f * static_cast<float>(c % 7));
    }
    const Tensor channel_scales = Tensor::From<float>({channels}, scales);
    const Tensor channel_zeros = testing::RandomBytes<std::uint8_t>({channels}, 4);
    for (const char* op : {"QuantizeLinear", "DequantizeLinear"}) {
      const Tensor& data = *op == 'Q' ? x : q;
      testing::ExpectBlockedEqualsPlain(testing::MakeNode(op, 3, {}, 13),
                                        {data, One(0.017f), One<std::uint8_t>(119)});
      testing::ExpectBlockedEqualsPlain(testing::MakeNode(op, 3, Axis(1), 13),
                                        {data, channel_scales, channel_zeros});
    }
  }
}

// Dense layers read pixels of one, and other axes and types have no blocks of their own.
TEST(QuantizeLinear, PlainWhereBlocksDoNotFit) {
  const auto blocked = [](const char* op, const std::vector<Tensor>& inputs,
                          std::int64_t axis) -> bool {
    return testing::RunBlocked(testing::MakeNode(op, 3, Axis(axis), 13), inputs).blocked[0];
  };
  const Tensor x = RandomFloats({2, 5, 3, 4});
  const Tensor three = Tensor::From<float>({3}, {0.1f, 0.2f, 0.3f});
  EXPECT_FALSE(blocked("QuantizeLinear", {x, three, Tensor(DataType::kUInt8, {3})}, 2));
  EXPECT_FALSE(blocked("QuantizeLinear", {x, One(0.1f), One<std::int8_t>(0)}, 1));
  EXPECT_FALSE(blocked(
      "DequantizeLinear",
      {testing::RandomBytes<std::uint8_t>({2, 5, 1, 1}, 1), One(0.1f), One<std::uint8_t>(3)}, 1));
}

TEST(QuantizeLinear, EveryTypeAgainstTheFormula) {
  const Tensor in = RandomFloats({5000});
  const auto check = [&]<typename T>(T zero, float scale) {
    const Tensor found = EvaluateOp("QuantizeLinear", {in, One(scale), One(zero)}, {}, 21)[0];
    for (std::int64_t k = 0; k < in.size(); ++k) {
      ASSERT_EQ(found.data<T>()[k], NaiveQuantize(in.data<float>()[k], scale, zero)) << k;
    }
  };
  check(std::uint8_t{128}, 0.0171f);
  check(std::int8_t{-3}, 0.0171f);
  check(std::uint16_t{32768}, 0.00007f);
  check(std::int16_t{5}, 0.00007f);
}

TEST(QuantizeLinear, PerAxisAndPerBlock) {
  const Tensor in = RandomFloats({2, 5, 3});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t size = in.shape()[axis];
    for (const std::int64_t block : {0, 1, 2, 4}) {
      Shape scale_shape{size};
      if (block > 0) {
        scale_shape = in.shape();
        scale_shape[axis] = (size + block - 1) / block;
      }
      Tensor scale = RandomFloats(scale_shape, 3);
      Tensor zero(DataType::kInt8, scale_shape);
      for (std::int64_t k = 0; k < scale.size(); ++k) {
        scale.data<float>()[k] = 0.01f + std::abs(scale.data<float>()[k]);
        zero.data<std::int8_t>()[k] = static_cast<std::int8_t>(k * 3 - 7);
      }
      const auto attributes = Axis(static_cast<std::int64_t>(axis) - 3, block);
      const Tensor q = EvaluateOp("QuantizeLinear", {in, scale, zero}, attributes, 21)[0];
      const Tensor back = EvaluateOp("DequantizeLinear", {q, scale, zero}, attributes, 21)[0];
      testing::ForEachIndex(in.shape(), [&](Index index, std::int64_t at) {
        if (block > 0) index[axis] /= block;
        const std::int64_t s = block > 0 ? testing::FlatIndex(scale_shape, index) : index[axis];
        const float step = scale.data<float>()[s];
        const std::int8_t offset = zero.data<std::int8_t>()[s];
        EXPECT_EQ(q.data<std::int8_t>()[at], NaiveQuantize(in.data<float>()[at], step, offset));
        EXPECT_EQ(back.data<float>()[at],
                  static_cast<float>(q.data<std::int8_t>()[at] - offset) * step);
      });
    }
  }
}

TEST(QuantizeLinear, OutputTypeByAttribute) {
  Attributes attributes;
  attributes.Set("output_dtype", std::int64_t{5});  // int16
  EXPECT_TRUE(SameTensor(Tensor::From<std::int16_t>({1}, {-300}),
                         EvaluateOp("QuantizeLinear", {Tensor::From<float>({1}, {-300}), One(1.0f)},
                                    attributes, 21)[0]));
  attributes.Set("output_dtype", std::int64_t{22});  // int4
  EXPECT_EQ(Catch([&] {
              EvaluateOp("QuantizeLinear", {RandomFloats({1}), One(1.0f)}, attributes, 21);
            }).code,
            ErrorCode::kUnsupported);
}

TEST(QuantizeLinear, AttributesOfOpset23) {
  const Tensor in = RandomFloats({8});
  Attributes precision;
  precision.Set("precision", std::int64_t{1});
  const Tensor q = EvaluateOp("QuantizeLinear", {in, One(0.01f), One<std::int8_t>(3)}, {}, 21)[0];
  EXPECT_TRUE(SameTensor(
      q, EvaluateOp("QuantizeLinear", {in, One(0.01f), One<std::int8_t>(3)}, precision, 23)[0]));
  const Tensor back = EvaluateOp("DequantizeLinear", {q, One(0.01f)}, {}, 21)[0];
  for (const std::int64_t type : {0, 1, 10, 16}) {  // halves are computed as float32
    Attributes output;
    output.Set("output_dtype", type);
    EXPECT_TRUE(SameTensor(back, EvaluateOp("DequantizeLinear", {q, One(0.01f)}, output, 23)[0]));
  }
  Attributes wide;
  wide.Set("output_dtype", std::int64_t{11});
  EXPECT_EQ(Catch([&] {
              EvaluateOp("DequantizeLinear", {q, One(0.01f)}, wide, 23);
            }).code,
            ErrorCode::kInvalidModel);
}

TEST(DequantizeLinear, Int32AndExtremes) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  const Tensor in = Tensor::From<std::int32_t>({2}, {kMin, 7});
  EXPECT_TRUE(SameTensor(Tensor::From<float>({2}, {static_cast<float>(kMin) * 0.5f, 3.5f}),
                         EvaluateOp("DequantizeLinear", {in, One(0.5f)}, {}, 10)[0]));
}

TEST(DequantizeLinear, RefusesWhatDoesNotFit) {
  const Tensor in(DataType::kInt8, {4, 3});
  EXPECT_THAT(Catch([&] {
                EvaluateOp("DequantizeLinear", {in, RandomFloats({9})}, Axis(0), 13);
              }).message,
              HasSubstr("scale"));
  EXPECT_EQ(Catch([&] {
              EvaluateOp("DequantizeLinear", {in, One(0.0f), One<std::uint8_t>(0)}, {}, 13);
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("DequantizeLinear", {in, RandomFloats({4})}, Axis(5), 13);
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("DequantizeLinear", {RandomFloats({4}), One(1.0f)}, {}, 13);
            }).code,
            ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace kinglet::quantize_linear_test
