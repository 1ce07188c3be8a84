#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::resize_test {
namespace {

using testing::Catch;
using testing::ExpectBlockedEqualsPlain;
using testing::FlatIndex;
using testing::ForEachIndex;
using ::testing::HasSubstr;
using testing::Index;
using testing::MakeNode;
using testing::NearTensor;
using testing::RandomFloats;
using testing::SameTensor;

struct Case {
  std::string mode, coordinates = "half_pixel", nearest = "round_prefer_floor";
  std::vector<float> scales = {};
  std::int64_t exclude_outside = 0;

  Attributes attributes() const {
    Attributes attributes;
    attributes.Set("mode", mode);
    attributes.Set("coordinate_transformation_mode", coordinates);
    attributes.Set("nearest_mode", nearest);
    attributes.Set("exclude_outside", exclude_outside);
    return attributes;
  }
};

Tensor Floats(const std::vector<float>& values) {
  return Tensor::From<float>({static_cast<std::int64_t>(values.size())}, values);
}
Tensor Ints(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

double Coordinate(const Case& c, double x, double scale, double in, double out) {
  if (c.coordinates == "asymmetric") return x / scale;
  if (c.coordinates == "align_corners") return out > 1 ? x * (in - 1) / (out - 1) : 0;
  if (c.coordinates == "pytorch_half_pixel" && out == 1) return 0;
  if (c.coordinates == "half_pixel_symmetric") {
    return in / 2 * (1 - out / (scale * in)) + (x + 0.5) / scale - 0.5;
  }
  return (x + 0.5) / scale - 0.5;
}

// Samples and weights of one axis, straight from the definition.
std::vector<std::pair<std::int64_t, double>> Samples(const Case& c, double x, std::int64_t in) {
  const auto clamp = [&](double at) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, in - 1);
  };
  if (c.mode == "nearest") {
    if (c.nearest == "floor") return {{clamp(std::floor(x)), 1}};
    if (c.nearest == "ceil") return {{clamp(std::ceil(x)), 1}};
    const bool half = x - std::floor(x) == 0.5;
    const double down = std::floor(x);
    if (half) return {{clamp(c.nearest == "round_prefer_ceil" ? down + 1 : down), 1}};
    return {{clamp(std::round(x)), 1}};
  }
  const double base = std::floor(x), t = x - base;
  if (c.mode == "linear") return {{clamp(base), 1 - t}, {clamp(base + 1), t}};
  const double a = -0.75;
  const double weights[] = {((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a,
                            ((a + 2) * t - (a + 3)) * t * t + 1,
                            ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1,
                            ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a};
  std::vector<std::pair<std::int64_t, double>> samples;
  double sum = 0;
  for (int k = 0; k < 4; ++k) {
    const double at = base - 1 + k;
    const bool outside = at < 0 || at > static_cast<double>(in - 1);
    const double weight = outside && c.exclude_outside != 0 ? 0 : weights[k];
    samples.emplace_back(clamp(at), weight);
    sum += weight;
  }
  for (auto& sample : samples) sample.second /= c.exclude_outside != 0 ? sum : 1;
  return samples;
}

Tensor Naive(const Tensor& in, const Case& c) {
  Shape shape = in.shape();
  const std::size_t rank = shape.size();
  for (std::size_t k = 0; k < rank; ++k) {
    shape[k] = static_cast<std::int64_t>(static_cast<float>(shape[k]) * c.scales[k]);
  }
  Tensor out(DataType::kFloat32, shape);
  ForEachIndex(shape, [&](const Index& index, std::int64_t at) {
    std::vector<std::pair<Index, double>> terms = {{{}, 1.0}};
    for (std::size_t k = 0; k < rank; ++k) {
      std::vector<std::pair<std::int64_t, double>> samples = {{index[k], 1.0}};
      if (c.scales[k] != 1) {
        const double x =
            Coordinate(c, static_cast<double>(index[k]), c.scales[k],
                       static_cast<double>(in.shape()[k]), static_cast<double>(shape[k]));
        samples = Samples(c, x, in.shape()[k]);
      }
      std::vector<std::pair<Index, double>> longer;
      for (const auto& [prefix, weight] : terms) {
        for (const auto& [position, own] : samples) {
          Index next = prefix;
          next.push_back(position);
          longer.emplace_back(std::move(next), weight * own);
        }
      }
      terms = std::move(longer);
    }
    double sum = 0;
    for (const auto& [from, weight] : terms) {
      sum += weight * static_cast<double>(in.data<float>()[FlatIndex(in.shape(), from)]);
    }
    out.data<float>()[at] = static_cast<float>(sum);
  });
  return out;
}

TEST(Resize, EveryModeAgainstTheDefinition) {
  const Tensor in = RandomFloats({2, 3, 5, 8});
  for (const char* coordinates : {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                                  "half_pixel_symmetric"}) {
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      for (const std::vector<float>& scales : {std::vector<float>{1, 1, 2, 2},
                                               {1, 1, 0.5f, 0.25f},
                                               {1, 1, 1, 4},
                                               {1, 1, 3.2f, 0.5f},
                                               {1, 2, 1, 1},
                                               {2, 1, 1, 0.125f}}) {
        for (const char* nearest : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
          if (std::string(mode) != "nearest" && std::string(nearest) != "floor") continue;
          if (std::string(mode) == "nearest" && scales[2] == 3.2f) continue;  // ties by rounding
          const Case c{mode, coordinates, nearest, scales};
          const Tensor found =
              EvaluateOp("Resize", {in, {}, Floats(scales)}, c.attributes(), 19)[0];
          EXPECT_TRUE(NearTensor(Naive(in, c), found, 1e-5, 2e-6))
              << mode << " " << coordinates << " " << nearest << " " << scales[2];
        }
      }
    }
  }
}

TEST(Resize, NearestByWholeFactors) {
  for (const std::vector<float>& scales : {std::vector<float>{1, 1, 2, 2},
                                           {1, 1, 1, 2},
                                           {1, 1, 4, 4},
                                           {1, 1, 3, 3},
                                           {1, 1, 0.5f, 2},
                                           {2, 1, 3, 2},
                                           {1, 1, 2, 2, 2},
                                           {1, 1, 0.5f, 2, 2},
                                           {2, 4},
                                           {4}}) {
    Shape shape{2, 3, 4, 18, 5};
    shape.resize(scales.size());
    shape.back() = 19;
    const Tensor in = RandomFloats(shape);
    const Case c{"nearest", "asymmetric", "floor", scales};
    const auto of = [&](const Tensor& x) {
      return EvaluateOp("Resize", {x, {}, Floats(scales)}, c.attributes(), 19)[0];
    };
    const Tensor want = Naive(in, c);
    EXPECT_TRUE(SameTensor(want, of(in))) << ShapeToString(want.shape());
    const std::vector<float> ramp = [&] {
      std::vector<float> values(static_cast<std::size_t>(in.size()));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 251);
      return values;
    }();
    const Tensor codes = Naive(Tensor::From<float>(shape, ramp), c);
    const Tensor bytes = Tensor::From<std::uint8_t>(shape, {ramp.begin(), ramp.end()});
    const Tensor found = of(bytes);
    ASSERT_EQ(found.shape(), codes.shape());
    for (std::int64_t i = 0; i < codes.size(); ++i) {
      ASSERT_EQ(found.data<std::uint8_t>()[i], codes.data<float>()[i]) << i;
    }
  }
}

TEST(Resize, CubicWithoutTheOutside) {
  const Tensor in = RandomFloats({1, 1, 5, 6});
  const Case c{"cubic", "half_pixel", "floor", {1, 1, 2, 0.5f}, 1};
  EXPECT_TRUE(NearTensor(Naive(in, c),
                         EvaluateOp("Resize", {in, {}, Floats(c.scales)}, c.attributes(), 13)[0],
                         1e-5, 2e-6));
}

TEST(Resize, LinearOverThreeDimensions) {
  const Tensor in = RandomFloats({1, 2, 3, 4, 5});
  const Case c{"linear", "align_corners", "floor", {1, 1, 2, 0.5f, 2}};
  EXPECT_TRUE(NearTensor(Naive(in, c),
                         EvaluateOp("Resize", {in, {}, Floats(c.scales)}, c.attributes(), 13)[0],
                         1e-5, 2e-6));
}

TEST(Resize, ToSizes) {
  const Tensor in = RandomFloats({1, 2, 6, 4});
  Case c{"linear", "half_pixel", "floor", {1, 1, 0.5f, 2}};
  EXPECT_TRUE(NearTensor(
      Naive(in, c), EvaluateOp("Resize", {in, {}, {}, Ints({1, 2, 3, 8})}, c.attributes(), 13)[0],
      1e-5, 2e-6));
  Attributes attributes = c.attributes();
  attributes.Set("axes", std::vector<std::int64_t>{3, -2});
  EXPECT_TRUE(NearTensor(Naive(in, c),
                         EvaluateOp("Resize", {in, {}, {}, Ints({8, 3})}, attributes, 18)[0], 1e-5,
                         2e-6));
  attributes.Set("keep_aspect_ratio_policy", std::string("not_larger"));
  EXPECT_EQ(EvaluateOp("Resize", {in, {}, {}, Ints({8, 3})}, attributes, 18)[0].shape(),
            (Shape{1, 2, 3, 2}));
  attributes.Set("keep_aspect_ratio_policy", std::string("not_smaller"));
  EXPECT_EQ(EvaluateOp("Resize", {in, {}, {}, Ints({8, 3})}, attributes, 18)[0].shape(),
            (Shape{1, 2, 12, 8}));
}

TEST(Resize, AntialiasAveragesWhatItSkips) {
  Attributes attributes = Case{"linear"}.attributes();
  attributes.Set("antialias", std::int64_t{1});
  const Tensor in = Tensor::From<float>({1, 1, 1, 8}, {0, 8, 0, 8, 0, 8, 0, 8});
  const Tensor found = EvaluateOp("Resize", {in, {}, Floats({1, 1, 1, 0.5f})}, attributes, 18)[0];
  // Weights 1, 3, 3, 1 over eight.
  EXPECT_TRUE(NearTensor(Tensor::From<float>({1, 1, 1, 4}, {3, 4, 4, 5}), found, 1e-6, 1e-6));
}

TEST(Resize, CropsAndExtrapolates) {
  Attributes attributes = Case{"linear", "tf_crop_and_resize"}.attributes();
  attributes.Set("extrapolation_value", 10.0f);
  const Tensor in = Tensor::From<float>({1, 1, 2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor roi = Floats({0, 0, 0, 0.5f, 1, 1, 1, 1.5f});
  const Tensor found = EvaluateOp("Resize", {in, roi, {}, Ints({1, 1, 2, 3})}, attributes, 13)[0];
  EXPECT_TRUE(
      NearTensor(Tensor::From<float>({1, 1, 2, 3}, {1, 2, 10, 4, 5, 10}), found, 1e-6, 1e-6));
  attributes.Set("mode", std::string("nearest"));
  EXPECT_TRUE(
      SameTensor(Tensor::From<float>({1, 1, 2, 3}, {1, 2, 10, 4, 5, 10}),
                 EvaluateOp("Resize", {in, roi, {}, Ints({1, 1, 2, 3})}, attributes, 13)[0]));
}

TEST(Resize, OlderOpsets) {
  const Tensor in = RandomFloats({1, 2, 3, 4});
  const std::vector<float> scales{1, 1, 2, 3};
  const Case nearest{"nearest", "asymmetric", "floor", scales};
  const Case linear{"linear", "asymmetric", "floor", scales};
  Attributes attributes;
  attributes.Set("scales", scales);
  EXPECT_TRUE(SameTensor(Naive(in, nearest), EvaluateOp("Upsample", {in}, attributes, 7)[0]));
  EXPECT_TRUE(
      SameTensor(Naive(in, nearest), EvaluateOp("Upsample", {in, Floats(scales)}, {}, 9)[0]));
  Attributes mode;
  mode.Set("mode", std::string("linear"));
  for (const auto& [op, opset] : {std::pair{"Upsample", 9}, std::pair{"Resize", 10}}) {
    EXPECT_TRUE(NearTensor(Naive(in, linear), EvaluateOp(op, {in, Floats(scales)}, mode, opset)[0],
                           1e-5, 2e-6));
  }
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Upsample", {in, Floats(scales)}, {}, 10);
            }).code,
            ErrorCode::kUnsupported);
}

TEST(Resize, AnyTypeByNearest) {
  const Tensor in = testing::Iota(DataType::kUInt8, {2, 2});
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({2, 4}, {0, 0, 1, 1, 2, 2, 3, 3}),
                         EvaluateOp("Resize", {in, {}, Floats({1, 2})}, {}, 13)[0]));
}

TEST(Resize, RefusesNonsense) {
  const Tensor in = RandomFloats({1, 3, 8, 8});
  const auto fails = [&](const std::vector<Tensor>& inputs, Attributes attributes = {}) {
    return Catch([&] { EvaluateOp("Resize", inputs, attributes, 13); });
  };
  EXPECT_EQ(fails({in, {}, Floats({1, 1, 1e5f, 1e5f})}).code, ErrorCode::kResource);
  EXPECT_EQ(fails({in, {}, Floats({1, 1, 1e30f, 1})}).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(fails({in, {}, Floats({1, 1, -1, 1})}).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(fails({in, {}, Floats({1, 1, NAN, 1})}).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(fails({in, {}, Floats({1, 1})}).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(fails({in}).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(fails({in, {}, {}, Ints({1, 3, -8, 8})}).code, ErrorCode::kInvalidModel);
  EXPECT_THAT(
      fails({in, {}, Floats({1, 1, 2, 2})}, Case{"linear", "diagonal"}.attributes()).message,
      HasSubstr("'diagonal'"));
  EXPECT_EQ(EvaluateOp("Resize", {in, {}, Floats({1, 1, 0.01f, 1})}, {}, 13)[0].size(), 0);
}

TEST(Resize, Blocked) {
  for (const std::int64_t channels : {16, 21}) {
    const Tensor in = RandomFloats({2, channels, 5, 6});
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      for (const std::vector<std::int64_t>& size : {std::vector<std::int64_t>{10, 12}, {3, 11}}) {
        const Node node = MakeNode("Resize", 4, Case{mode}.attributes(), 13);
        const std::vector<Tensor> inputs{in, Tensor(), Tensor(),
                                         Ints({2, channels, size[0], size[1]})};
        Node absent = node;
        absent.inputs[1] = absent.inputs[2] = kNoValue;
        ExpectBlockedEqualsPlain(absent, inputs);
      }
    }
  }
}

TEST(Resize, NearestOfBlockedCodes) {
  for (const std::int64_t channels : {5, 64, 130}) {
    for (const std::vector<std::int64_t>& size : {std::vector<std::int64_t>{10, 12}, {3, 11}}) {
      Node node = MakeNode("Resize", 4, Case{"nearest"}.attributes(), 13);
      node.inputs[1] = node.inputs[2] = kNoValue;
      ExpectBlockedEqualsPlain(node, {testing::RandomBytes<std::uint8_t>({2, channels, 5, 6}, 3),
                                      Tensor(), Tensor(), Ints({2, channels, size[0], size[1]})});
    }
  }
}

}  // namespace
}  // namespace kinglet::resize_test
