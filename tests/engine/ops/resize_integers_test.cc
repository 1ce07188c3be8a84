#include <gmock/gmock.h>

#include <type_traits>

#include "engine/ops/dispatch.h"
#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::resize_integers_test {
namespace {

using testing::NearestOf;
using testing::RandomBytes;
using testing::RunNode;
using testing::SameTensor;

Tensor Scales(const std::vector<float>& values) {
  return Tensor::From<float>({static_cast<std::int64_t>(values.size())}, values);
}
Tensor Sizes(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
Attributes Mode(const char* mode, const char* coordinates = nullptr) {
  Attributes attributes;
  attributes.Set("mode", std::string(mode));
  if (coordinates != nullptr) {
    attributes.Set("coordinate_transformation_mode", std::string(coordinates));
  }
  return attributes;
}
Tensor ResizeTo(const Tensor& x, const std::vector<std::int64_t>& sizes, Attributes attributes,
                int opset = 18) {
  return RunNode("", "Resize", {x, Tensor(), Tensor(), Sizes(sizes)}, std::move(attributes),
                 opset)[0];
}

template <typename To>
Tensor As(const Tensor& x) {
  Tensor result(DataTypeOf<To>::value, x.shape());
  DispatchNumeric(x.type(), [&]<typename T>() {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      result.data<To>()[i] = static_cast<To>(x.data<T>()[i]);
    }
  });
  return result;
}

TEST(ResizeIntegers, LinearCutsOff) {
  const Tensor x = Tensor::From<std::uint8_t>({1, 1, 1, 2}, {0, 10});
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({1, 1, 1, 8}, {0, 0, 1, 3, 6, 8, 10, 10}),
                         ResizeTo(x, {1, 1, 1, 8}, Mode("linear"))));
  const Tensor negative = Tensor::From<std::int8_t>({1, 1, 1, 2}, {0, -10});
  EXPECT_TRUE(SameTensor(Tensor::From<std::int8_t>({1, 1, 1, 8}, {0, 0, -1, -3, -6, -8, -10, -10}),
                         ResizeTo(negative, {1, 1, 1, 8}, Mode("linear"))));
  EXPECT_TRUE(SameTensor(
      Tensor::From<std::int32_t>({4}, {0, 2, 7, 10}),
      RunNode("", "Resize", {Tensor::From<std::int32_t>({2}, {0, 10}), Tensor(), Scales({2})},
              Mode("linear"), 11)[0]));
}

// The sum over all corners in float64; a float32 sum may fall to the other side of a whole number,
// and pictures of bytes whose channels are last have weights of 10 bits.
template <typename T>
void ExpectLinear(const Shape& from, const std::vector<std::int64_t>& to, const char* coordinates) {
  const Tensor typed = std::is_signed_v<T> ? As<T>(RandomBytes<std::int8_t>(from, 5))
                                           : As<T>(RandomBytes<std::uint8_t>(from, 5));
  const Tensor found = ResizeTo(typed, to, Mode("linear", coordinates));
  const Tensor exact = ResizeTo(As<double>(typed), to, Mode("linear", coordinates));
  ASSERT_EQ(found.shape(), exact.shape());
  for (std::int64_t i = 0; i < exact.size(); ++i) {
    const double value = exact.data<double>()[i];
    const bool coarse = sizeof(T) == 1 && from.size() == 4 && from[3] == to[3];
    const double slack = coarse ? 0.5 : 1e-3;
    const bool near_whole = std::abs(value - std::nearbyint(value)) <= slack;
    const double apart = std::abs(static_cast<double>(found.data<T>()[i]) - std::trunc(value));
    ASSERT_LE(apart, near_whole ? 1 : 0) << ShapeToString(from) << " at " << i << ": " << value;
  }
}

TEST(ResizeIntegers, LinearOfEveryTypeRankAndCoordinates) {
  for (const char* coordinates :
       {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}) {
    ExpectLinear<std::uint8_t>({2, 3, 5, 7}, {2, 3, 8, 11}, coordinates);
    ExpectLinear<std::int8_t>({2, 3, 5, 7}, {2, 3, 3, 4}, coordinates);
    ExpectLinear<std::int32_t>({5, 7}, {9, 7}, coordinates);
    ExpectLinear<std::uint8_t>({1, 5, 7, 3}, {1, 9, 10, 3}, coordinates);  // channels last
    ExpectLinear<std::int16_t>({1, 2, 3, 4, 5}, {1, 2, 5, 6, 7}, coordinates);
    ExpectLinear<std::int64_t>({3, 4, 5}, {3, 6, 7}, coordinates);
    ExpectLinear<std::uint16_t>({6}, {9}, coordinates);
    ExpectLinear<std::uint32_t>({2, 3, 4, 5}, {3, 4, 5, 6}, coordinates);
    ExpectLinear<std::uint64_t>({2, 2, 2, 2, 2, 2}, {3, 2, 2, 2, 2, 3}, coordinates);
  }
}

TEST(ResizeIntegers, WhatIsConstantStays) {
  Tensor x(DataType::kUInt8, {1, 2, 9, 9});
  std::fill_n(x.data<std::uint8_t>(), x.size(), std::uint8_t{201});
  for (const char* mode : {"cubic", "linear"}) {
    for (const std::int64_t antialias : {0, 1}) {
      if (antialias == 0 && mode[0] == 'l') continue;  // one step below, where weights round down
      Attributes attributes = Mode(mode);
      attributes.Set("antialias", antialias);
      const Tensor y = ResizeTo(x, {1, 2, 4, 5}, attributes);
      for (std::int64_t i = 0; i < y.size(); ++i) EXPECT_EQ(y.data<std::uint8_t>()[i], 201) << i;
    }
  }
}

template <typename T>
void ExpectRounded(const Shape& from, const std::vector<std::int64_t>& to, const char* mode,
                   std::int64_t antialias, std::int64_t exclude, double slack) {
  Attributes attributes = Mode(mode);
  attributes.Set("antialias", antialias);
  attributes.Set("exclude_outside", exclude);
  const Tensor x = As<T>(RandomBytes<std::uint8_t>(from, 9));
  const Tensor found = ResizeTo(x, to, attributes);
  const Tensor exact = ResizeTo(As<double>(x), to, attributes);
  ASSERT_EQ(found.shape(), exact.shape());
  for (std::int64_t i = 0; i < exact.size(); ++i) {
    const double value =
        std::clamp(exact.data<double>()[i], static_cast<double>(std::numeric_limits<T>::lowest()),
                   static_cast<double>(std::numeric_limits<T>::max()));
    ASSERT_LE(std::abs(static_cast<double>(found.data<T>()[i]) - value), slack)
        << mode << antialias << " at " << i;
  }
}

TEST(ResizeIntegers, CubicAndAntialiasRound) {
  for (const std::int64_t exclude : {0, 1}) {
    // Half a step for each pass; the cubic weights add up to less than 1.6 of it.
    for (const std::int64_t antialias : {0, 1}) {
      ExpectRounded<std::uint8_t>({1, 2, 9, 11}, {1, 2, 5, 4}, "cubic", antialias, exclude, 1.5);
      ExpectRounded<std::int8_t>({1, 2, 9, 11}, {1, 2, 5, 4}, "cubic", antialias, exclude, 1.5);
      ExpectRounded<std::int32_t>({1, 2, 9, 11}, {1, 2, 14, 4}, "cubic", antialias, exclude, 1.5);
    }
    ExpectRounded<std::uint8_t>({1, 2, 9, 11}, {1, 2, 9, 4}, "linear", 1, exclude, 0.501);
    ExpectRounded<std::int8_t>({1, 2, 9, 11}, {1, 2, 4, 3}, "linear", 1, exclude, 1.01);
    ExpectRounded<std::int16_t>({1, 2, 8, 9, 11}, {1, 2, 3, 4, 3}, "linear", 1, exclude, 1.6);
    ExpectRounded<std::int64_t>({9, 11}, {4, 20}, "linear", 1, exclude, 1.01);
  }
}

TEST(ResizeIntegers, OutsideOfACropIsTheExtrapolationValueSaturated) {
  const Tensor x = Tensor::From<std::uint8_t>({1, 1, 1, 3}, {10, 20, 30});
  for (const char* mode : {"linear", "cubic", "nearest"}) {
    Attributes attributes = Mode(mode, "tf_crop_and_resize");
    attributes.Set("extrapolation_value", 1000.0f);
    const Tensor y = RunNode(
        "", "Resize",
        {x, Tensor::From<float>({8}, {0, 0, 0, 0, 1, 1, 1, 2}), Tensor(), Sizes({1, 1, 1, 5})},
        attributes, 13)[0];
    EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({1, 1, 1, 5}, {10, 20, 30, 255, 255}), y))
        << mode;
  }
}

TEST(ResizeIntegers, FormsOfEveryOpset) {
  const Tensor x = RandomBytes<std::uint8_t>({1, 2, 4, 4}, 2);
  const Tensor scales = Scales({1, 1, 2, 1.5f});
  const Tensor first = RunNode("", "Resize", {x, scales}, Mode("linear"), 10)[0];
  EXPECT_TRUE(SameTensor(first, RunNode("", "Upsample", {x, scales}, Mode("linear"), 9)[0]));
  Attributes upsample = Mode("linear");
  upsample.Set("scales", std::vector<float>{1, 1, 2, 1.5f});
  EXPECT_TRUE(SameTensor(first, RunNode("", "Upsample", {x}, upsample, 7)[0]));
  for (const int opset : {11, 13, 18, 19}) {
    EXPECT_TRUE(SameTensor(first, RunNode("", "Resize", {x, Tensor(), scales},
                                          Mode("linear", "asymmetric"), opset)[0]));
  }
  Attributes axes = Mode("linear", "asymmetric");
  axes.Set("axes", std::vector<std::int64_t>{3, -2});
  EXPECT_TRUE(
      SameTensor(first, RunNode("", "Resize", {x, Tensor(), Scales({1.5f, 2})}, axes, 18)[0]));
}

}  // namespace
}  // namespace kinglet::resize_integers_test
