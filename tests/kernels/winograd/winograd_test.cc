// The error of Winograd's transforms on deep sums, as networks have them.
#include "kernels/winograd/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "tests/support/conv_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::winograd_test {
namespace {

using testing::ConvReference;
using testing::Guarded;
using testing::Random;

ConvShape Layer(int64_t ic, int64_t size, int64_t oc) {
  ConvShape s;
  s.ic = ic;
  s.oc = oc;
  s.ih = s.iw = s.oh = s.ow = size;
  s.kh = s.kw = 3;
  s.pad_top = s.pad_left = 1;
  return s;
}

ConvShape Line(int64_t ic, int64_t oc, int kh, int kw) {
  ConvShape s = Layer(ic, 17, oc);
  s.kh = kh;
  s.kw = kw;
  s.pad_top = kh / 2;
  s.pad_left = kw / 2;
  return s;
}

// Nearly normal, of variance 1.
float Normal(Random& random) {
  float sum = 0;
  for (int i = 0; i < 12; ++i) sum += random.Float();
  return 0.5f * sum;
}

struct Operands {
  std::vector<float> input, weights;
};

// Weights scaled as He et al. initialise them, inputs behind a rectifier.
Operands OperandsOf(const ConvShape& s) {
  Random random(5);
  Operands o;
  const int64_t taps = s.ic * s.kh * s.kw;
  const float scale = std::sqrt(2.0f / static_cast<float>(taps));
  for (int64_t i = 0; i < s.oc * taps; ++i) o.weights.push_back(scale * Normal(random));
  for (int64_t i = 0; i < s.n * s.ic * s.ih * s.iw; ++i) {
    o.input.push_back(std::max(0.0f, Normal(random)));
  }
  return o;
}

std::vector<float> Convolve(std::string_view id, const ConvShape& s, const Operands& o) {
  const ConvVariant& variant = *FindConvVariant(id);
  const Guarded input(testing::ToBlocked(o.input, s.n, s.ic, s.ih, s.iw, 0.0f));
  Guarded packed(variant.packed_bytes(s) / sizeof(float));
  Guarded scratch(variant.scratch_bytes(s) / sizeof(float));
  Guarded output(static_cast<size_t>(BlockedCount(s.n, s.oc, s.oh, s.ow)));
  variant.pack(s, o.weights.data(), packed.data());
  ConvArgs args;
  args.input = input.data();
  args.packed = packed.data();
  args.output = output.data();
  variant.run(s, args, 0, variant.units(s), scratch.data());
  return {output.data(), output.data() + output.size()};
}

struct Error {
  double rms, max;  // relative to the root mean square of the outputs
};

Error Measure(const ConvShape& s, const std::vector<float>& blocked, const ConvReference& want) {
  double square = 0, error = 0, largest = 0;
  for (int64_t c = 0; c < s.oc; ++c) {
    for (int64_t p = 0; p < s.oh * s.ow; ++p) {
      const double expected = want.values[static_cast<size_t>(c * s.oh * s.ow + p)];
      const int64_t at = BlockedIndex(0, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow);
      const double d = blocked[static_cast<size_t>(at)] - expected;
      square += expected * expected;
      error += d * d;
      largest = std::max(largest, std::abs(d));
    }
  }
  const auto count = static_cast<double>(want.values.size());
  const double scale = std::sqrt(square / count);
  return {std::sqrt(error / count) / scale, largest / scale};
}

TEST(Winograd, UnitsFeedTwoThreadsEvenly) {
  for (const ConvShape& s : {Layer(64, 56, 64), Layer(128, 28, 128), Layer(160, 14, 160),
                             Layer(192, 14, 192), Layer(512, 7, 512), Layer(64, 35, 96)}) {
    for (const WinogradTile tile : {WinogradTile::k2, WinogradTile::k4}) {
      const WinogradCut cut = CutWinograd(s, tile);
      const int64_t units = cut.groups * cut.parts;
      const double busiest = static_cast<double>(CeilDiv(units, 2)) / static_cast<double>(units);
      EXPECT_LE(busiest, 0.58) << s.ic << " channels, " << s.oh << " rows";
      EXPECT_GE(cut.groups * cut.group_tiles, cut.tiles);
    }
  }
}

TEST(Winograd, ErrorGrowsWithTheRootOfTheDepth) {
  for (const int64_t ic : {16, 64, 256, 640}) {
    const ConvShape s = Layer(ic, 10, 16);
    const Operands o = OperandsOf(s);
    const ConvReference want = testing::NaiveConv(s, o.input, o.weights, {}, {}, {});
    testing::ForEachTarget([&] {
      const double root = std::sqrt(static_cast<double>(ic));
      const Error two = Measure(s, Convolve("conv/winograd2_f32", s, o), want);
      const Error four = Measure(s, Convolve("conv/winograd4_f32", s, o), want);
      EXPECT_LT(two.rms, 5e-8 * root + 1e-7) << ic;
      EXPECT_LT(four.rms, 1.2e-7 * root + 3e-7) << ic;
      EXPECT_LT(two.max, 5 * (5e-8 * root + 1e-7)) << ic;
      EXPECT_LT(four.max, 5 * (1.2e-7 * root + 3e-7)) << ic;
    });
  }
}

TEST(Winograd, ErrorOfLinesGrowsWithTheRootOfTheDepth) {
  for (const int64_t ic : {16, 160, 448}) {
    for (const auto& [kh, kw] : {std::pair{1, 3}, {3, 1}, {1, 7}, {7, 1}}) {
      const ConvShape s = Line(ic, 16, kh, kw);
      const Operands o = OperandsOf(s);
      const ConvReference want = testing::NaiveConv(s, o.input, o.weights, {}, {}, {});
      const bool three = kh * kw == 3;
      const std::string_view id = three ? "conv/winograd_line3_f32" : "conv/winograd_line7_f32";
      const double root = std::sqrt(static_cast<double>(ic));
      const double bound = three ? 4e-8 * root + 1e-7 : 1.3e-7 * root + 2e-7;
      testing::ForEachTarget([&] {
        const Error error = Measure(s, Convolve(id, s, o), want);
        EXPECT_LT(error.rms, bound) << s.ic << " channels, " << id;
        EXPECT_LT(error.max, 8 * bound) << s.ic << " channels, " << id;
      });
    }
  }
}

TEST(Winograd, ErrorUnder5x5GrowsWithTheRootOfTheDepth) {
  for (const int64_t ic : {16, 48, 256}) {
    ConvShape s = Layer(ic, 10, 16);
    s.kh = s.kw = 5;
    s.pad_top = s.pad_left = 2;
    const Operands o = OperandsOf(s);
    const ConvReference want = testing::NaiveConv(s, o.input, o.weights, {}, {}, {});
    const double bound = 1.2e-7 * std::sqrt(static_cast<double>(ic)) + 3e-7;
    testing::ForEachTarget([&] {
      const Error error = Measure(s, Convolve("conv/winograd2_5x5_f32", s, o), want);
      EXPECT_LT(error.rms, bound) << ic;
      EXPECT_LT(error.max, 5 * bound) << ic;
    });
  }
}

TEST(Winograd, AnInfiniteInputSpoilsTheTilesThatReadIt) {
  const ConvShape s = Layer(20, 17, 18);
  Operands o = OperandsOf(s);
  o.input[static_cast<size_t>(7 * s.iw + 7)] = std::numeric_limits<float>::infinity();
  const ConvReference want = testing::NaiveConv(s, o.input, o.weights, {}, {}, {});
  testing::ForEachTarget([&] {
    const std::vector<float> got = Convolve("conv/winograd4_f32", s, o);
    for (int64_t c = 0; c < s.oc; ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const int64_t y = p / s.ow;
        const int64_t x = p % s.ow;
        const auto at = static_cast<size_t>(BlockedIndex(0, c, y, x, s.oc, s.oh, s.ow));
        const double expected = want.values[static_cast<size_t>(c * s.oh * s.ow + p)];
        const bool spoilt = y >= 4 && y < 12 && x >= 4 && x < 12;
        if (!spoilt) {
          ASSERT_NEAR(got[at], expected, 1e-4) << c << " " << y << " " << x;
        } else if (!std::isfinite(expected)) {
          ASSERT_FALSE(std::isfinite(got[at])) << c << " " << y << " " << x;
        }
      }
      for (int64_t lane = s.oc; lane < RoundUpToBlock(s.oc); ++lane) {
        const int64_t at = BlockedIndex(0, lane, 7, 7, s.oc, s.oh, s.ow);
        ASSERT_EQ(got[static_cast<size_t>(at)], 0.0f);
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::winograd_test
