#include <gmock/gmock.h>

#include "tests/support/quantized_op.h"

namespace kinglet::integer_conv_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using testing::NearestOf;
using testing::RandomBytes;
using testing::RandomFloats;
using testing::RunNode;
using testing::SameTensor;
using testing::Single;

struct Case {
  Shape x, w;
  std::int64_t group = 1;
  std::vector<std::int64_t> strides{}, dilations{}, pads{};
  const char* auto_pad = nullptr;
};

Attributes AttributesOf(const Case& c) {
  Attributes attributes;
  attributes.Set("group", c.group);
  if (!c.strides.empty()) attributes.Set("strides", c.strides);
  if (!c.dilations.empty()) attributes.Set("dilations", c.dilations);
  if (!c.pads.empty()) attributes.Set("pads", c.pads);
  if (c.auto_pad != nullptr) attributes.Set("auto_pad", std::string(c.auto_pad));
  return attributes;
}

template <typename T>
Tensor WithoutZero(const Tensor& q, const Tensor& zero, std::int64_t per_zero) {
  Tensor wide(DataType::kFloat64, q.shape());
  for (std::int64_t i = 0; i < q.size(); ++i) {
    const std::int64_t z = zero.size() == 1 ? 0 : i / per_zero;
    wide.data<double>()[i] =
        static_cast<double>(q.data<T>()[i]) - static_cast<double>(zero.data<T>()[z]);
  }
  return wide;
}

// In float64, exact for these sums: by the engine's Conv.
template <typename X, typename W>
Tensor Sums(const Case& c, const Tensor& x, const Tensor& x_zero, const Tensor& w,
            const Tensor& w_zero) {
  return EvaluateOp("Conv",
                    {WithoutZero<X>(x, x_zero, 1), WithoutZero<W>(w, w_zero, w.size() / c.w[0])},
                    AttributesOf(c), 13)[0];
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {{1, 3, 7, 9}, {5, 3, 3, 3}, 1, {}, {}, {1, 1, 1, 1}},
      {{2, 4, 6, 6}, {6, 2, 3, 2}, 2, {2, 1}, {}, {0, 1, 1, 0}},
      {{2, 4, 8, 8}, {4, 1, 3, 3}, 4, {2, 2}, {2, 2}, {2, 2, 2, 2}},
      {{1, 2, 11}, {3, 2, 4}, 1, {3}, {2}, {1, 4}},
      {{1, 2, 4, 5, 6}, {3, 2, 2, 3, 2}, 1, {1, 2, 2}, {}, {1, 0, 1, 0, 1, 1}},
      {{1, 16, 9, 9}, {8, 16, 1, 1}},
      {{1, 2, 7, 8}, {3, 2, 3, 3}, 1, {2, 2}, {}, {}, "SAME_UPPER"},
      {{1, 2, 7, 8}, {3, 2, 2, 2}, 1, {}, {}, {}, "SAME_LOWER"},
      {{1, 2, 7, 8}, {3, 2, 3, 3}, 1, {}, {}, {}, "VALID"},
      {{1, 200, 3, 3}, {2, 200, 3, 3}, 1, {}, {}, {1, 1, 1, 1}},
      {{0, 2, 5, 5}, {3, 2, 3, 3}},
  };
  return cases;
}

template <typename X, typename W>
void ExpectConvInteger(X x_zero, const std::vector<W>& w_zeros) {
  for (const Case& c : Cases()) {
    const Tensor x = RandomBytes<X>(c.x, 3);
    const Tensor w = RandomBytes<W>(c.w, 4);
    const Tensor xz = Single<X>(x_zero);
    Tensor wz = Single<W>(w_zeros[0]);
    if (w_zeros.size() > 1) {
      wz = Tensor(DataTypeOf<W>::value, {c.w[0]});
      for (std::int64_t i = 0; i < wz.size(); ++i) {
        wz.data<W>()[i] = w_zeros[static_cast<std::size_t>(i) % w_zeros.size()];
      }
    }
    const Tensor sums = Sums<X, W>(c, x, xz, w, wz);
    const Tensor found = RunNode("", "ConvInteger", {x, w, xz, wz}, AttributesOf(c), 10)[0];
    ASSERT_EQ(found.type(), DataType::kInt32);
    ASSERT_EQ(found.shape(), sums.shape());
    for (std::int64_t i = 0; i < sums.size(); ++i) {
      ASSERT_EQ(found.data<std::int32_t>()[i], sums.data<double>()[i]) << ShapeToString(c.w);
    }
  }
}

TEST(ConvInteger, EveryTypeAndWindow) {
  ExpectConvInteger<std::uint8_t, std::int8_t>(130, {0});
  ExpectConvInteger<std::uint8_t, std::uint8_t>(3, {120, 255, 0});
  ExpectConvInteger<std::int8_t, std::int8_t>(-128, {-128, 127});
  ExpectConvInteger<std::int8_t, std::uint8_t>(0, {7});
}

TEST(ConvInteger, ZeroPointsMayBeAbsent) {
  const Case c{{1, 2, 5, 5}, {3, 2, 3, 3}};
  const Tensor x = RandomBytes<std::uint8_t>(c.x, 3);
  const Tensor w = RandomBytes<std::int8_t>(c.w, 4);
  const Tensor zero = Single<std::int8_t>(0);
  const Tensor some = Single<std::int8_t>(9);
  const Tensor none = RunNode("", "ConvInteger", {x, w}, {}, 10)[0];
  EXPECT_TRUE(SameTensor(
      none, RunNode("", "ConvInteger", {x, w, Single<std::uint8_t>(0), zero}, {}, 10)[0]));
  EXPECT_TRUE(
      SameTensor(RunNode("", "ConvInteger", {x, w, Tensor(), some}, {}, 10)[0],
                 RunNode("", "ConvInteger", {x, w, Single<std::uint8_t>(0), some}, {}, 10)[0]));
}

// y = saturate(round((sums + bias) * x_scale * w_scale / y_scale) + y_zero).
template <typename X, typename W, typename Y>
void ExpectQLinearConv(X x_zero, W w_zero, Y y_zero, bool per_channel, bool with_bias) {
  for (const Case& c : Cases()) {
    const Tensor x = RandomBytes<X>(c.x, 5);
    const Tensor w = RandomBytes<W>(c.w, 6);
    const Tensor xz = Single<X>(x_zero);
    const Tensor wz = Single<W>(w_zero);
    Tensor w_scale = Tensor::From<float>({1}, {0.0131f});
    if (per_channel) {
      w_scale = RandomFloats({c.w[0]}, 7);
      for (std::int64_t i = 0; i < w_scale.size(); ++i) {
        w_scale.data<float>()[i] = 0.001f + 0.01f * std::abs(w_scale.data<float>()[i]);
      }
    }
    Tensor bias;
    if (with_bias) {
      bias = Tensor(DataType::kInt32, {c.w[0]});
      for (std::int64_t i = 0; i < bias.size(); ++i) {
        bias.data<std::int32_t>()[i] = static_cast<std::int32_t>(i * 3001 - 5000);
      }
    }
    const float x_scale = 0.02f;
    const float y_scale = 0.9f;
    std::vector<Tensor> inputs = {
        x, Single(x_scale), xz, w, w_scale, wz, Single(y_scale), Single<Y>(y_zero)};
    if (with_bias) inputs.push_back(bias);
    const Tensor found = RunNode("", "QLinearConv", inputs, AttributesOf(c), 10)[0];
    const Tensor sums = Sums<X, W>(c, x, xz, w, wz);
    ASSERT_EQ(found.type(), DataTypeOf<Y>::value);
    ASSERT_EQ(found.shape(), sums.shape());
    const std::int64_t plane = sums.size() == 0 ? 1 : sums.size() / sums.shape()[0] / c.w[0];
    for (std::int64_t i = 0; i < sums.size(); ++i) {
      const std::int64_t channel = i / plane % c.w[0];
      const float scale = x_scale * w_scale.data<float>()[per_channel ? channel : 0] / y_scale;
      const double sum =
          sums.data<double>()[i] + (with_bias ? bias.data<std::int32_t>()[channel] : 0);
      const float steps = static_cast<float>(sum) * scale;
      ASSERT_EQ(found.data<Y>()[i], NearestOf<Y>(std::nearbyint(static_cast<double>(steps)) +
                                                 static_cast<double>(y_zero)))
          << ShapeToString(c.w) << " at " << i;
    }
  }
}

TEST(QLinearConv, EveryTypeAndWindow) {
  ExpectQLinearConv<std::uint8_t, std::int8_t, std::uint8_t>(128, 0, 100, true, true);
  ExpectQLinearConv<std::uint8_t, std::uint8_t, std::uint8_t>(0, 131, 0, false, false);
  ExpectQLinearConv<std::int8_t, std::int8_t, std::int8_t>(-5, 3, -20, true, false);
  ExpectQLinearConv<std::int8_t, std::int8_t, std::int8_t>(7, 0, 5, false, true);
}

TEST(QLinearConv, RoundsHalvesToEvenAndSaturates) {
  const Tensor x = Tensor::From<std::int8_t>({1, 1, 6}, {1, 3, 5, -1, -3, 127});
  const Tensor w = Tensor::From<std::int8_t>({1, 1, 1}, {1});
  const auto run = [&](float y_scale, std::int8_t zero) {
    return RunNode("", "QLinearConv",
                   {x, Single(1.0f), Single<std::int8_t>(0), w, Single(1.0f),
                    Single<std::int8_t>(0), Single(y_scale), Single<std::int8_t>(zero)},
                   {}, 10)[0];
  };
  EXPECT_TRUE(SameTensor(Tensor::From<std::int8_t>({1, 1, 6}, {0, 2, 2, 0, -2, 64}), run(2, 0)));
  EXPECT_TRUE(SameTensor(Tensor::From<std::int8_t>({1, 1, 6}, {1, 3, 3, 1, -1, 65}), run(2, 1)));
  EXPECT_TRUE(
      SameTensor(Tensor::From<std::int8_t>({1, 1, 6}, {2, 6, 10, -2, -6, 127}), run(0.5f, 0)));
}

TEST(ConvInteger, RefusesWhatDoesNotFit) {
  const Tensor x = RandomBytes<std::uint8_t>({1, 2, 5, 5}, 1);
  const Tensor w = RandomBytes<std::uint8_t>({3, 2, 3, 3}, 1);
  const auto refused = [](const std::vector<Tensor>& inputs, const char* what) {
    const auto thrown = Catch([&] { RunNode("", "ConvInteger", inputs, {}, 10); });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidModel);
    EXPECT_THAT(thrown.message, HasSubstr(what));
  };
  refused({x, RandomBytes<std::uint8_t>({3, 4, 3, 3}, 1)}, "channels");
  refused({x, RandomBytes<std::uint8_t>({3, 2, 3}, 1)}, "rank");
  refused({RandomFloats({1, 2, 5, 5}), w}, "float32");
  refused({x, w, Single<std::int8_t>(0)}, "type");
  refused({x, w, Single<std::uint8_t>(0), RandomBytes<std::uint8_t>({2}, 1)}, "shape");
  refused({x, RandomBytes<std::uint8_t>({3, 2, 7, 7}, 1)}, "output");
}

TEST(QLinearConv, RefusesWhatDoesNotFit) {
  const Tensor x = RandomBytes<std::uint8_t>({1, 2, 5, 5}, 1);
  const Tensor w = RandomBytes<std::uint8_t>({3, 2, 3, 3}, 1);
  const Tensor zero = Single<std::uint8_t>(0);
  const Tensor scale = Single(1.0f);
  const auto refused = [&](std::size_t i, const Tensor& with, const char* what) {
    std::vector<Tensor> inputs = {
        x, scale, zero, w, scale, zero, scale, zero, Tensor(DataType::kInt32, {3})};
    inputs[i] = with;
    const auto thrown = Catch([&] { RunNode("", "QLinearConv", inputs, {}, 10); });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidModel);
    EXPECT_THAT(thrown.message, HasSubstr(what));
  };
  refused(1, RandomFloats({2}), "shape");
  refused(4, RandomFloats({2}), "shape");
  refused(6, Single<std::int8_t>(1), "float32");
  refused(7, Single(1.0f), "int8 or uint8");
  refused(8, Tensor(DataType::kInt32, {4}), "bias");
  refused(8, RandomFloats({3}), "int32");
}

}  // namespace
}  // namespace kinglet::integer_conv_test
