// Convolutions of codes by their values: weights, sums, requantisation, and on matrix tiles.
#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <vector>

#include "kernels/conv/conv.h"
#include "tests/kernels/conv/integer_conv_check.h"
#include "tests/support/made_up_tiles.h"

namespace kinglet::kernels::integer_conv_values_test {
namespace {

using namespace integer_conv_check;  // NOLINT: the file is about it

// Sums that are near the largest ones that a quarter of int32 holds.
TEST(IntegerConv, TilesAtEveryEdgeAndTheDeepest) {
  std::vector<Case> cases;
  for (int64_t size = 1; size <= 9; ++size) {
    for (const int pad : {-1, 0, 1, 2}) {
      ConvShape s = Square(18, size, 20, 3, 1, 1, 1, 2);
      s.pad_left = pad;
      s.ow = size + 1;  // the right pad follows
      cases.push_back({.shape = s, .input_zero_point = 8, .units_per_call = size % 3});
    }
  }
  for (const int32_t zero : {0, 255}) {
    for (const int16_t w : std::initializer_list<int16_t>{-255, 255}) {
      cases.push_back({.shape = Square(917, 3, 17, 3, 1, 0),
                       .input_zero_point = zero,
                       .bias = false,
                       .low = w,
                       .high = w});
    }
  }
  CheckAll(cases, {kFirst, kDepthwise, kDepthwiseQuads});
}

TEST(IntegerConv, Requantisation) {
  std::vector<Case> cases;
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const ConvShape& s : {Square(20, 7, 35, 1, 1, 0), Square(3, 7, 21, 3, 2, 1),
                             Square(20, 7, 35, 3, 1, 1), Square(21, 7, 21, 3, 1, 1, 21)}) {
    for (const float scale : {0.0f, 1e-8f, 0.003f, 0.5f, -0.01f, 3e38f, infinity, nan}) {
      for (const bool per_channel : {false, true}) {
        cases.push_back({.shape = s,
                         .input_zero_point = 128,
                         .requantisation = {.scale = scale, .zero_point = 3, .low = 2, .high = 250},
                         .per_channel = per_channel,
                         .bias = per_channel});
      }
    }
    // What the activation of a clamp makes of it.
    cases.push_back(
        {.shape = s,
         .requantisation = {.scale = 0.02f, .zero_point = 100, .low = 100, .high = 160}});
  }
  CheckAll(cases, {});
}

// Few weights that do not fit int8 among many that do, and groups of one output block.
TEST(IntegerConv, WeightsThatDoNotFitBytes) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(100, 6, 70, 3, 1, 1), Square(260, 3, 130, 1, 1, 0),
                             Square(128, 5, 64, 3, 2, 1, 2)}) {
    for (const int16_t high : std::initializer_list<int16_t>{128, 129, 131, 160}) {
      cases.push_back({.shape = s, .input_zero_point = 90, .low = -127, .high = high});
      const auto low = static_cast<int16_t>(-high);
      cases.push_back({.shape = s, .input_zero_point = 90, .low = low, .high = 127});
    }
  }
  CheckAll(cases, {kFirst, kDepthwise, kDepthwiseQuads});
}

TEST(IntegerConv, SmallAndLargeWeights) {
  std::vector<Case> cases;
  for (const ConvShape& s :
       {Square(100, 6, 70, 3, 1, 1), Square(4, 6, 70, 3, 1, 1), Square(70, 6, 70, 3, 1, 1, 70)}) {
    for (const auto& [low, high] : {std::pair<int16_t, int16_t>{-128, 127},
                                    {0, 255},
                                    {-255, -255},
                                    {255, 255},
                                    {-127, 127},
                                    {0, 0}}) {
      for (const int32_t zero : {0, 128, 255}) {
        cases.push_back({.shape = s, .input_zero_point = zero, .low = low, .high = high});
      }
    }
  }
  CheckAll(cases, {});
}

// Sums wrap around: most of 80000 products are near 127 * 252.
TEST(IntegerConv, SumsAreModulo) {
  ConvShape s = Square(80000, 1, 5, 1, 1, 0);
  Case test{.shape = s, .low = 250, .high = 255};
  CheckAll({test}, {kFirst, kDepthwise, kDepthwiseQuads, kWinograd});
}

// Steps of tiles are whole pixels: channels around them, groups of whole blocks, tiles of fewer
// than 16 pixels, and pairs with and without a second tile.
TEST(IntegerConv, TilesOfChannelsAndPixels) {
  std::vector<Case> cases;
  for (const int64_t ic : {60, 63, 64, 65, 127, 128, 129}) {
    for (const int64_t oc : {31, 32, 33, 64, 65, 96, 97}) {
      cases.push_back({.shape = Square(ic, 3, oc, 1, 1, 0), .input_zero_point = 7});
    }
  }
  for (const int64_t pixels : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65, 100}) {
    ConvShape s = Square(70, 1, 40, 1, 1, 0, 1, 2);
    s.iw = s.ow = pixels;
    cases.push_back({.shape = s, .input_zero_point = 7, .units_per_call = pixels % 2});
    s = Square(64, 1, 70, 3, 1, 1);
    s.iw = s.ow = pixels;
    cases.push_back({.shape = s, .input_zero_point = 7});
  }
  cases.push_back({.shape = Square(192, 7, 384, 3, 2, 1, 3, 2), .units_per_call = 1, .gap = 64});
  for (const int64_t batch : {2, 15, 16, 17, 33}) {  // maps of one pixel: tiles of images
    for (const int64_t c : {5, 64, 130}) {
      const ConvShape s = Square(c, 1, 200 - c, 1, 1, 0, 1, batch);
      cases.push_back({.shape = s, .input_zero_point = 7});
      cases.push_back({.shape = s, .input_zero_point = 7, .units_per_call = 1, .gap = 64});
    }
  }
  cases.push_back({.shape = Square(640, 1, 1000, 1, 1, 0, 1, 3), .units_per_call = 2});
  CheckAll(cases, {kFirst, kDepthwise, kDepthwiseQuads});
}

TEST(IntegerConv, TilesAreLeftAloneWhereTheyAreOff) {
  const testing::MadeUpTiles off(TileMode::kOff);
  for (const ConvVariant& variant : ConvVariants()) {
    if (IsOnTiles(variant)) {
      EXPECT_FALSE(variant.supports(Square(4, 7, 64, 1, 1, 0))) << variant.id;
    }
  }
}

// Dilations are what files say: no window of theirs may be beyond all memory.
TEST(IntegerConv, TilesHaveNoWindowsWithoutBounds) {
  const testing::MadeUpTiles emulated(TileMode::kEmulated);
  ConvShape s = Square(4, 3, 64, 3, 1, 1);
  s.dh = s.pad_top = 1 << 30;
  for (const ConvVariant& variant : ConvVariants()) {
    if (IsOnTiles(variant) && TypesOf(variant) == kTypes) {
      EXPECT_FALSE(variant.supports(s)) << variant.id;
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels::integer_conv_values_test
