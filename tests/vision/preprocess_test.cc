#include "kinglet/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "kinglet/error.h"
#include "tests/support/targets.h"

namespace kinglet::preprocess_test {
namespace {

using ::testing::HasSubstr;

Image RandomImage(int width, int height, unsigned seed) {
  std::mt19937 random(seed);
  Image image{width, height, {}};
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random());
  return image;
}

// ---- A naive reference in double: every output pixel by itself, weights over all samples.

// Weights of all samples of an axis for the output at index i of `out`.
using Weights = std::vector<double>;

Weights BilinearWeights(int in, int out, int i) {
  Weights w(static_cast<std::size_t>(in));
  const double s = std::clamp((i + 0.5) * in / out - 0.5, 0.0, in - 1.0);
  const auto s0 = static_cast<std::size_t>(s);
  w[s0] += 1 - (s - std::floor(s));
  w[std::min(s0 + 1, w.size() - 1)] += s - std::floor(s);
  return w;
}

Weights AntialiasWeights(int in, int out, int i) {
  Weights w;
  const double scale = std::max(1.0, static_cast<double>(in) / out);
  double sum = 0;
  for (int s = 0; s < in; ++s) {
    w.push_back(std::max(0.0, 1 - std::abs((s + 0.5) - (i + 0.5) * in / out) / scale));
    sum += w.back();
  }
  for (double& value : w) value /= sum;
  return w;
}

Weights AreaWeights(int in, int out, int i) {
  Weights w;
  // In units of 1 / (in * out): exact.
  for (int s = 0; s < in; ++s) {
    const int from = std::max(i * in, s * out), to = std::min((i + 1) * in, (s + 1) * out);
    w.push_back(static_cast<double>(std::max(0, to - from)) / in);
  }
  return w;
}

Weights RuleWeights(ResizeRule rule, int in, int out, int i) {
  if (rule == ResizeRule::kBilinearAntialias) return AntialiasWeights(in, out, i);
  if (rule == ResizeRule::kArea) return AreaWeights(in, out, i);
  return BilinearWeights(in, out, i);
}

double Sample(const Image& image, const Weights& wx, const Weights& wy, std::size_t c) {
  double sum = 0;
  for (std::size_t y = 0; y < wy.size(); ++y) {
    if (wy[y] == 0) continue;
    for (std::size_t x = 0; x < wx.size(); ++x) {
      sum += wy[y] * wx[x] * image.row(static_cast<int>(y))[3 * x + c];
    }
  }
  return sum;
}

Image Cut(const Image& image, int x0, int y0, int width, int height) {
  Image cut{width, height, {}};
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = image.row(y0 + y) + 3 * x0;
    cut.pixels.insert(cut.pixels.end(), row, row + 3 * width);
  }
  return cut;
}

struct Sizes {
  int from_w, from_h, to_w, to_h;
};
constexpr Sizes kSizes[] = {{1, 1, 5, 3},     {1, 1, 1, 1},     {5, 4, 5, 4},     {7, 9, 3, 2},
                            {40, 30, 17, 23}, {13, 11, 50, 40}, {64, 48, 32, 24}, {33, 2, 9, 31},
                            {200, 3, 5, 1},   {3, 200, 18, 16}};
constexpr ResizeRule kRules[] = {ResizeRule::kBilinear, ResizeRule::kBilinearAntialias,
                                 ResizeRule::kArea};

std::size_t OutIndex(const PreprocessSpec& spec, int y, int x, std::size_t channel) {
  const auto pixel = static_cast<std::size_t>(y * spec.width + x);
  return spec.layout == ImageLayout::kNhwc
             ? 3 * pixel + channel
             : channel * static_cast<std::size_t>(spec.width * spec.height) + pixel;
}

TEST(Preprocess, EachResizeRuleAgreesWithTheNaiveReference) {
  testing::ForEachTarget([] {
    unsigned seed = 1;
    for (const ResizeRule rule : kRules) {
      for (const Sizes& s : kSizes) {
        SCOPED_TRACE(::testing::Message() << "rule " << static_cast<int>(rule) << " " << s.from_w
                                          << "x" << s.from_h << " to " << s.to_w << "x" << s.to_h);
        const Image image = RandomImage(s.from_w, s.from_h, ++seed);
        PreprocessSpec spec;
        spec.width = s.to_w;
        spec.height = s.to_h;
        spec.resize = rule;
        spec.layout = seed % 2 == 0 ? ImageLayout::kNchw : ImageLayout::kNhwc;
        spec.color_order = seed % 3 == 0 ? ColorOrder::kBgr : ColorOrder::kRgb;
        spec.mean = {10, 20, 30};
        spec.stddev = {2, 4, 8};
        const Tensor tensor = Preprocess(image, spec);
        ASSERT_EQ(tensor.shape(), PreprocessedShape(spec));
        for (int y = 0; y < s.to_h; ++y) {
          for (int x = 0; x < s.to_w; ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
              const std::size_t p = spec.color_order == ColorOrder::kBgr ? 2 - c : c;
              const double expected = (Sample(image, RuleWeights(rule, s.from_w, s.to_w, x),
                                              RuleWeights(rule, s.from_h, s.to_h, y), c) -
                                       static_cast<double>(spec.mean[p])) /
                                      static_cast<double>(spec.stddev[p]);
              ASSERT_NEAR(tensor.data<float>()[OutIndex(spec, y, x, p)], expected, 1e-4);
            }
          }
        }
      }
    }
  });
}

TEST(Preprocess, TakesVeryWideAndTallPictures) {
  for (const auto& [w, h] : {std::pair{8192, 2}, std::pair{2, 8192}, std::pair{1, 1}}) {
    Image image{w, h, {}};
    image.pixels.assign(static_cast<std::size_t>(w * h) * 3, 77);
    for (const ResizeRule rule : kRules) {
      for (const FitRule fit : {FitRule::kStretch, FitRule::kLetterbox, FitRule::kShortestSide}) {
        PreprocessSpec spec = SlimPreprocess(64, 48);
        spec.resize = rule;
        spec.fit = fit;
        spec.resize_shortest = 70;
        spec.pad_value = 77;
        const Tensor tensor = Preprocess(image, spec);
        for (std::int64_t i = 0; i < tensor.size(); ++i) {
          ASSERT_NEAR(tensor.data<float>()[i], (77 - 127.5) / 127.5, 1e-6);
        }
      }
    }
  }
}

TEST(Preprocess, WithoutResizingGivesTheSamplesThemselves) {
  const Image image = RandomImage(19, 7, 3);
  PreprocessSpec spec;
  spec.width = 19;
  spec.height = 7;
  spec.resize = ResizeRule::kNone;
  spec.layout = ImageLayout::kNhwc;
  const Tensor tensor = Preprocess(image, spec);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    ASSERT_EQ(tensor.data<float>()[i], static_cast<float>(image.pixels[i]));
  }
  spec.width = 18;
  EXPECT_THROW(Preprocess(image, spec), Error);
}

// ---- Fitting

TEST(Preprocess, CentralCropFollowsTheSlimRule) {
  for (const auto& [w, h] : {std::pair{100, 61}, std::pair{7, 5}, std::pair{1, 2}}) {
    const Image image = RandomImage(w, h, 5);
    PreprocessSpec spec;
    spec.width = 20;
    spec.height = 12;
    const int x0 = static_cast<int>((w - w * 0.875) / 2),
              y0 = static_cast<int>((h - h * 0.875) / 2);
    const Tensor whole = Preprocess(Cut(image, x0, y0, w - 2 * x0, h - 2 * y0), spec);
    spec.central_crop = 0.875;
    const Tensor cropped = Preprocess(image, spec);
    for (std::int64_t i = 0; i < whole.size(); ++i) {
      ASSERT_EQ(cropped.data<float>()[i], whole.data<float>()[i]);
    }
    const PictureMapping map = MapToPicture(spec, w, h);
    EXPECT_DOUBLE_EQ(map.PictureX(0), x0);
    EXPECT_DOUBLE_EQ(map.PictureX(20), w - x0);
    EXPECT_DOUBLE_EQ(map.PictureY(0), y0);
    EXPECT_DOUBLE_EQ(map.PictureY(12), h - y0);
  }
}

TEST(Preprocess, LetterboxKeepsTheAspectRatioAndPads) {
  const Image image = RandomImage(80, 40, 6);
  for (const ImageLayout layout : {ImageLayout::kNchw, ImageLayout::kNhwc}) {
    PreprocessSpec spec;
    spec.width = 41;
    spec.height = 50;
    spec.layout = layout;
    spec.fit = FitRule::kLetterbox;
    spec.pad_value = 114;
    spec.mean = {4, 14, 24};
    spec.stddev = {2, 2, 2};
    const Tensor boxed = Preprocess(image, spec);
    PreprocessSpec content = spec;
    content.fit = FitRule::kStretch;
    content.height = 21;  // round(40 * 41 / 80)
    const Tensor inside = Preprocess(image, content);
    const int top = (50 - 21) / 2;
    for (int y = 0; y < 50; ++y) {
      for (int x = 0; x < 41; ++x) {
        for (std::size_t c = 0; c < 3; ++c) {
          const bool in = y >= top && y < top + 21;
          const float expected =
              in ? inside.data<float>()[OutIndex(content, y - top, x, c)]
                 : (114.0f - static_cast<float>(4 + 10 * static_cast<int>(c))) / 2.0f;
          ASSERT_FLOAT_EQ(boxed.data<float>()[OutIndex(spec, y, x, c)], expected);
        }
      }
    }
    const PictureMapping map = MapToPicture(spec, 80, 40);
    EXPECT_DOUBLE_EQ(map.PictureX(0), 0);
    EXPECT_DOUBLE_EQ(map.PictureX(41), 80);
    EXPECT_NEAR(map.PictureY(top), 0, 1e-12);
    EXPECT_NEAR(map.PictureY(top + 21), 40, 1e-12);
  }
}

TEST(Preprocess, ShortestSideCutsTheCentreOfTheResizedPicture) {
  for (const auto& [w, h] : {std::pair{123, 77}, std::pair{77, 123}, std::pair{30, 31}}) {
    const Image image = RandomImage(w, h, 7);
    for (const ResizeRule rule : kRules) {
      PreprocessSpec spec;
      spec.width = 24;
      spec.height = 20;
      spec.resize = rule;
      spec.fit = FitRule::kShortestSide;
      spec.resize_shortest = 32;
      const Tensor cut = Preprocess(image, spec);
      PreprocessSpec full = spec;
      full.fit = FitRule::kStretch;
      full.width = w < h ? 32 : 32 * w / h;
      full.height = w < h ? 32 * h / w : 32;
      const Tensor resized = Preprocess(image, full);
      const int x0 = static_cast<int>(std::nearbyint((full.width - 24) / 2.0));
      const int y0 = static_cast<int>(std::nearbyint((full.height - 20) / 2.0));
      for (int y = 0; y < 20; ++y) {
        for (int x = 0; x < 24; ++x) {
          for (std::size_t c = 0; c < 3; ++c) {
            ASSERT_NEAR(cut.data<float>()[OutIndex(spec, y, x, c)],
                        resized.data<float>()[OutIndex(full, y0 + y, x0 + x, c)], 1e-4);
          }
        }
      }
      const PictureMapping map = MapToPicture(spec, w, h);
      EXPECT_NEAR(map.PictureX(-x0), 0, 1e-9);
      EXPECT_NEAR(map.PictureX(full.width - x0), w, 1e-9);
      EXPECT_NEAR(map.PictureY(full.height - y0), h, 1e-9);
    }
  }
}

TEST(MapToPicture, GoesThereAndBack) {
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    PreprocessSpec spec;
    spec.width = 1 + static_cast<int>(random() % 320);
    spec.height = 1 + static_cast<int>(random() % 320);
    spec.fit = static_cast<FitRule>(random() % 3);
    spec.resize_shortest = 320 + static_cast<int>(random() % 50);
    spec.central_crop = random() % 2 == 0 ? 1.0 : 0.875;
    const int w = 1 + static_cast<int>(random() % 2000), h = 1 + static_cast<int>(random() % 2000);
    const PictureMapping map = MapToPicture(spec, w, h);
    EXPECT_NEAR(map.OutputX(map.PictureX(12.25)), 12.25, 1e-6);
    EXPECT_NEAR(map.OutputY(map.PictureY(-3.5)), -3.5, 1e-6);
    // The output's centre shows the picture's, but for what is rounded to whole pixels.
    const double scale = std::max({map.scale_x, map.scale_y, 1.0});
    EXPECT_NEAR(map.PictureX(spec.width / 2.0), w / 2.0, scale);
    EXPECT_NEAR(map.PictureY(spec.height / 2.0), h / 2.0, scale);
  }
}

// ---- Use

TEST(Preprocess, UsesItsScratchAgain) {
  PreprocessScratch scratch;
  PreprocessSpec spec = TorchPreprocess(40, 30);
  std::vector<float> out(3 * 40 * 30);
  Preprocess(RandomImage(90, 70, 1), spec, scratch, out.data());
  const float* floats = scratch.Floats(1);
  const std::int32_t* ints = scratch.Ints(1);
  for (const unsigned seed : {2u, 3u}) {
    const Image image = RandomImage(50, 60, seed);
    Preprocess(image, spec, scratch, out.data());
    const Tensor fresh = Preprocess(image, spec);
    EXPECT_TRUE(std::equal(out.begin(), out.end(), fresh.data<float>()));
  }
  EXPECT_EQ(scratch.Floats(1), floats);
  EXPECT_EQ(scratch.Ints(1), ints);
}

TEST(Preprocess, RefusesBadSpecsAndPictures) {
  const Image image = RandomImage(8, 8, 1);
  using Change = std::function<void(PreprocessSpec&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"0x20", [](PreprocessSpec& s) { s.width = 0; }},
      {"-3", [](PreprocessSpec& s) { s.height = -3; }},
      {"both sides", [](PreprocessSpec& s) { s.width = 1 << 20; }},
      {"central crop", [](PreprocessSpec& s) { s.central_crop = 0; }},
      {"central crop", [](PreprocessSpec& s) { s.central_crop = 1.5; }},
      {"central crop", [](PreprocessSpec& s) { s.central_crop = std::nan(""); }},
      {"maximum value", [](PreprocessSpec& s) { s.max_value = 0; }},
      {"deviation", [](PreprocessSpec& s) { s.stddev[1] = 0; }},
      {"mean", [](PreprocessSpec& s) { s.mean[2] = std::numeric_limits<float>::infinity(); }},
      {"pad value", [](PreprocessSpec& s) { s.pad_value = std::nanf(""); }},
      {"shortest side", [](PreprocessSpec& s) {
         s.fit = FitRule::kShortestSide;
         s.resize_shortest = 19;
       }}};
  for (const auto& [word, change] : changes) {
    PreprocessSpec spec = SlimPreprocess(20, 20);
    EXPECT_NO_THROW(Preprocess(image, spec));
    change(spec);
    try {
      Preprocess(image, spec);
      ADD_FAILURE() << word;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
      EXPECT_THAT(error.what(), HasSubstr(word));
    }
  }
  EXPECT_THROW(Preprocess(Image{}, SlimPreprocess(20, 20)), Error);
  EXPECT_THROW(Preprocess(Image{8, 8, std::vector<std::uint8_t>(191)}, SlimPreprocess(20, 20)),
               Error);
}

TEST(NamedPreprocess, ListsItsNamesWhenThereIsNone) {
  EXPECT_EQ(NamedPreprocess("caffe", 227, 227).color_order, ColorOrder::kBgr);
  EXPECT_EQ(NamedPreprocess("torch", 224, 200).height, 200);
  try {
    NamedPreprocess("keras", 224, 224);
    FAIL();
  } catch (const Error& error) {
    for (const char* name : {"slim", "torch", "caffe", "ssd", "ultraface", "keras"}) {
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
  }
}

}  // namespace
}  // namespace kinglet::preprocess_test
