// Convolutions of codes by their shapes: channels, pixels, windows, groups, units.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/conv/conv.h"
#include "tests/kernels/conv/integer_conv_check.h"

namespace kinglet::kernels::integer_conv_test {
namespace {

using namespace integer_conv_check;  // NOLINT: the file is about it

TEST(IntegerConv, ChannelTails) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 48, 63, 64, 65, 80, 96, 127, 130}) {
    cases.push_back({.shape = Square(c, 5, 16, 1, 1, 0), .input_zero_point = 128});
    cases.push_back({.shape = Square(16, 5, c, 1, 1, 0), .input_zero_point = 255});
    cases.push_back({.shape = Square(c, 4, c, 3, 1, 1), .input_zero_point = 3});
  }
  CheckAll(cases, {});
}

TEST(IntegerConv, EveryPixelCount) {
  std::vector<Case> cases;
  for (int64_t pixels = 1; pixels <= 29; ++pixels) {
    for (const int64_t oc : {16, 40, 64, 96}) {
      ConvShape s = Square(19, 1, oc, 1, 1, 0);
      s.iw = s.ow = pixels;
      cases.push_back({.shape = s, .input_zero_point = 9});
    }
    ConvShape s = Square(3, 1, 33, 3, 1, 1);
    s.iw = s.ow = pixels;
    cases.push_back({.shape = s, .input_zero_point = 9});
    for (const int kernel : {3, 5}) {
      for (const int stride : {1, 2}) {
        if (pixels > 9 && pixels % 4 != 0 && pixels % 16 > 1) continue;
        s = Square(70, kernel + 1, 70, kernel, stride, kernel / 2, 70);
        s.iw = pixels * stride;
        s.ow = pixels;
        cases.push_back({.shape = s, .input_zero_point = 9});
      }
    }
  }
  CheckAll(cases, {});
}

TEST(IntegerConv, KernelsStridesDilationsAndPads) {
  std::vector<Case> cases;
  for (const int64_t ic : {3, 20, 70}) {
    for (const auto& [kh, kw] : {std::pair{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 7}, {7, 1}, {2, 4}}) {
      for (const int stride : {1, 2, 3}) {
        for (const int dilation : {1, 2}) {
          for (const int pad : {0, 1, 3}) {
            ConvShape s;
            s.ic = ic;
            s.ih = 15;
            s.iw = 14;
            s.oc = 18;
            s.kh = kh;
            s.kw = kw;
            s.sh = stride;
            s.sw = stride == 3 ? 1 : stride;
            s.dh = dilation;
            s.dw = dilation == 2 ? 1 : 2;
            s.pad_top = pad;
            s.pad_left = pad == 3 ? 1 : pad;
            // An asymmetric pad of one more row at the bottom.
            s.oh = (s.ih + 2 * pad + 1 - (kh - 1) * s.dh - 1) / s.sh + 1;
            s.ow = (s.iw + 2 * s.pad_left - (kw - 1) * s.dw - 1) / s.sw + 1;
            if (s.oh < 1 || s.ow < 1) continue;
            cases.push_back({.shape = s, .input_zero_point = 100});
            if (ic == 70) continue;
            s.oc = s.groups = s.ic;
            cases.push_back({.shape = s, .input_zero_point = 100});
          }
        }
      }
    }
  }
  CheckAll(cases, {kDepthwiseQuads, kWinograd});
}

TEST(IntegerConv, WindowsInPaddingAndCrops) {
  std::vector<Case> cases;
  for (const int64_t ic : {2, 16, 65}) {
    ConvShape s = Square(ic, 2, 16, 3, 1, 6);  // most windows see no input at all
    cases.push_back({.shape = s, .input_zero_point = 200});
    s = Square(ic, 3, 16, 1, 2, 2);
    cases.push_back({.shape = s, .input_zero_point = 200});
    s = Square(ic, 9, 16, 3, 1, 0);
    s.pad_top = -2;
    s.pad_left = -1;
    s.oh = 4;
    s.ow = 9;  // right windows reach beyond the input
    cases.push_back({.shape = s, .input_zero_point = 200});
    s.oc = s.groups = ic;
    cases.push_back({.shape = s, .input_zero_point = 200});
    cases.push_back({.shape = Square(ic, 2, ic, 3, 1, 6, ic), .input_zero_point = 200});
    cases.push_back({.shape = Square(ic, 2, ic, 5, 2, 7, ic), .input_zero_point = 200});
  }
  CheckAll(cases, {});
}

TEST(IntegerConv, Groups) {
  std::vector<Case> cases;
  for (const int64_t c : {1, 5, 16, 17, 33, 64, 70, 130}) {
    for (const int kernel : {1, 3, 5, 7}) {
      for (const int stride : {1, 2}) {
        cases.push_back(
            {.shape = Square(c, 9, c, kernel, stride, kernel / 2, c), .input_zero_point = 77});
      }
    }
  }
  cases.push_back({.shape = Square(32, 6, 64, 3, 1, 1, 2)});
  cases.push_back({.shape = Square(256, 6, 128, 1, 1, 0, 2), .input_zero_point = 1});
  cases.push_back({.shape = Square(128, 6, 512, 1, 1, 0, 2), .units_per_call = 1});
  cases.push_back({.shape = Square(12, 6, 8, 3, 1, 1, 4)});
  cases.push_back({.shape = Square(6, 6, 12, 3, 1, 1, 6)});  // channel multiplier 2
  cases.push_back({.shape = Square(240, 6, 240, 1, 1, 0, 3), .input_zero_point = 50});
  cases.push_back({.shape = Square(100, 5, 200, 3, 2, 1, 10), .input_zero_point = 50});
  CheckAll(cases, {});
}

// Weights that are one byte and those that are two, in blocks of few and of many channels.
TEST(IntegerConv, DepthwiseWeightsOfOneAndTwoBytes) {
  std::vector<Case> cases;
  for (const int64_t c : {16, 20, 32, 33, 64, 100}) {
    for (const int stride : {1, 2}) {
      for (const int64_t size : {4, 7}) {
        for (const int16_t bound : std::initializer_list<int16_t>{127, 128, 254}) {
          cases.push_back({.shape = Square(c, size, c, 3, stride, 1, c, 2),
                           .input_zero_point = 77,
                           .low = static_cast<int16_t>(-bound),
                           .high = bound,
                           .gap = 64});
        }
      }
    }
  }
  CheckAll(cases, {kFirst, kWinograd, {"conv/tiles_u8"}});
}

TEST(IntegerConv, UnitsInAnyPartition) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(64, 14, 160, 1, 1, 0, 1, 3), Square(32, 20, 96, 3, 1, 1, 1, 2),
                             Square(3, 40, 64, 3, 2, 1, 1, 2), Square(96, 30, 96, 3, 2, 1, 96, 2),
                             Square(200, 7, 400, 1, 1, 0, 1, 2)}) {
    for (const int64_t units_per_call : {0, 1, 3}) {
      cases.push_back({.shape = s, .input_zero_point = 5, .units_per_call = units_per_call});
    }
  }
  CheckAll(cases, {});
}

// Depths that no panel of weights and maps that no strip holds.
TEST(IntegerConv, LargeMapsAndDepths) {
  ConvShape wide = Square(3, 1, 20, 3, 1, 1);
  wide.iw = wide.ow = 3000;
  ConvShape row = Square(70, 1, 20, 3, 2, 1);
  row.iw = 1999;
  row.ow = 1000;
  ConvShape strided = Square(130, 60, 40, 1, 2, 0);
  CheckAll({{.shape = Square(600, 7, 70, 3, 1, 1), .input_zero_point = 128},
            {.shape = Square(1030, 5, 20, 1, 1, 0), .input_zero_point = 128},
            {.shape = Square(24, 57, 40, 3, 1, 1), .input_zero_point = 128},
            {.shape = Square(65, 57, 65, 3, 1, 1, 65), .input_zero_point = 128},
            {.shape = Square(65, 57, 65, 5, 2, 2, 65), .input_zero_point = 128},
            {.shape = wide, .input_zero_point = 4},
            {.shape = row, .input_zero_point = 4},
            {.shape = strided, .input_zero_point = 4}},
           {});
}

TEST(IntegerConv, OutputsThatAreSlices) {
  std::vector<Case> cases;
  for (const ConvShape& s : {Square(40, 9, 35, 1, 1, 0, 1, 3), Square(3, 11, 21, 3, 2, 1, 1, 3),
                             Square(40, 9, 35, 3, 1, 1, 1, 3), Square(32, 6, 64, 3, 1, 1, 2, 3),
                             Square(21, 7, 21, 3, 1, 1, 21, 3)}) {
    cases.push_back({.shape = s, .input_zero_point = 30, .gap = 128});
  }
  CheckAll(cases, {});
}

// Kernel rows up to what a tile holds.
TEST(IntegerConv, FirstLayers) {
  std::vector<Case> cases;
  for (const int64_t ic : {1, 2, 3, 4}) {
    for (const auto& [kernel, stride] : {std::pair{3, 2}, {5, 1}, {7, 2}, {8, 8}, {16, 11}}) {
      for (const int64_t size : {16, 35}) {
        Case test{.shape = Square(ic, size, ic == 4 ? 70 : 8, kernel, stride, kernel / 2, 1, 2),
                  .input_zero_point = 255,
                  .units_per_call = size % 4};
        cases.push_back(test);
        if (ic < 3) continue;
        test.shape.pad_left = -1;
        test.shape.ow = (size - 1 - kernel) / stride + 1;
        test.gap = 64;
        if (size > kernel) cases.push_back(test);
      }
    }
  }
  CheckAll(cases, {kDepthwise, kDepthwiseQuads, kWinograd});
}

}  // namespace
}  // namespace kinglet::kernels::integer_conv_test
