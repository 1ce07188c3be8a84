// What the tile instructions compute, corner by corner, by the emulation; and that the hardware,
// where it is there, gives the same bits.
#include "kernels/tiles/tile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/common/cpu.h"
#include "tests/support/random.h"

namespace kinglet::kernels::tile_test {
namespace {

using testing::Random;

struct Operands {
  alignas(64) BFloat16 a[16][32] = {};  // pixels x K
  alignas(64) BFloat16 b[16][32] = {};  // pairs of K x outputs
  alignas(64) float c[16][16] = {};
};

struct Result {
  alignas(64) float c[16][16] = {};
};

template <class Tiles>
Result Product(const Operands& o, const TileConfig& config = TileConfig()) {
  Tiles tiles;
  Result result;
  tiles.Configure(config);
  tiles.template Load<0>(o.c, 64);
  tiles.template Load<4>(o.a, 64);
  tiles.template LoadStream<6>(o.b, 64);
  tiles.template DotBf16<0, 4, 6>();
  tiles.template Store<0>(result.c, 64);
  tiles.Release();
  return result;
}

// C[0][0] behind the products of these pairs, the first at k = 0.
float One(float c, std::initializer_list<std::pair<float, float>> products) {
  Operands o;
  int k = 0;
  for (const auto& [a, b] : products) {
    o.a[0][k] = ToBFloat16(a);
    o.b[k / 2][k % 2] = ToBFloat16(b);
    ++k;
  }
  o.c[0][0] = c;
  return Product<EmulatedTiles>(o).c[0][0];
}

uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }

TEST(Tiles, EvenAndOddElementsAreTwoChains) {
  EXPECT_EQ(One(0, {{1, 1}, {0x1p-25f, 1}, {-1, 1}}), 0x1p-25f);
  // In one chain 2^-25 would be lost behind the 1.
  EXPECT_EQ(One(0, {{1, 1}, {0, 0}, {0x1p-25f, 1}, {0, 0}, {-1, 1}}), 0.0f);
}

TEST(Tiles, TheAccumulatorJoinsLast) {
  EXPECT_EQ(One(1, {{0x1p-24f, 1}, {0x1p-24f, 1}}), 1 + 0x1p-23f);
  EXPECT_EQ(One(0, {{1, 1}, {0, 0}, {0x1p-24f, 1}, {0, 0}, {0x1p-24f, 1}}), 1.0f);
}

TEST(Tiles, StepsAreFused) {
  // 257 / 256 squared has 17 bits; with its leading bits taken away the rest is whole.
  const float x = 1 + 0x1p-7f;
  EXPECT_EQ(One(0, {{x, x}, {0, 0}, {-1, 1}}), 0x1p-6f + 0x1p-14f);
}

TEST(Tiles, DenormalsCountAsZero) {
  EXPECT_EQ(Bits(One(0x1p-149f, {})), Bits(0.0f));
  EXPECT_EQ(One(0, {{0x1p-130f, 0x1p100f}}), 0.0f);
  EXPECT_EQ(One(0, {{0x1p-63f, 0x1p-63f}}), 0x1p-126f);
  EXPECT_EQ(Bits(One(0, {{0x1p-64f, 0x1p-63f}})), Bits(0.0f));
  // Tiny before rounding to 24 bits or not: 2^-126 - 2^-150 is, 2^-126 - 2^-152 is not.
  EXPECT_EQ(One(0, {{0x1p-63f, 0x1p-63f}, {0, 0}, {-0x1p-75f, 0x1p-75f}}), 0.0f);
  EXPECT_EQ(One(0, {{0x1p-63f, 0x1p-63f}, {0, 0}, {-0x1p-76f, 0x1p-76f}}), 0x1p-126f);
}

TEST(Tiles, MinusZeroBecomesZero) { EXPECT_EQ(Bits(One(-0.0f, {})), Bits(0.0f)); }

TEST(Tiles, InfinityTimesZeroSpoilsItsOutputAlone) {
  Operands o;
  o.a[3][0] = ToBFloat16(std::numeric_limits<float>::infinity());
  o.b[0][2 * 5] = ToBFloat16(1.0f);
  const Result result = Product<EmulatedTiles>(o);
  EXPECT_TRUE(std::isinf(result.c[3][5]));
  EXPECT_TRUE(std::isnan(result.c[3][4]));
  EXPECT_EQ(result.c[2][4], 0.0f);
}

TEST(Tiles, WhatTheConfigurationLeavesOutIsNeitherReadNorWritten) {
  Operands o;
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 32; ++k) o.a[i][k] = o.b[i][k] = ToBFloat16(1.0f);
  }
  const Result result = Product<EmulatedTiles>(o, TileConfig(24, 5));
  EXPECT_EQ(result.c[4][15], 12.0f);
  EXPECT_EQ(result.c[5][0], 0.0f);
}

struct Bytes {
  alignas(64) uint8_t a[16][64];  // pixels x K
  alignas(64) int8_t b[16][64];   // quads of K x outputs
  alignas(64) uint32_t c[16][16];
};

Bytes AnyBytes(uint64_t seed) {
  Random random(seed);
  Bytes o;
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 64; ++k) {
      o.a[i][k] = static_cast<uint8_t>(random.Next());
      o.b[i][k] = static_cast<int8_t>(random.Next());
    }
    for (uint32_t& x : o.c[i]) x = 0x7FFFFF00u;
  }
  return o;
}

// C behind the product, zeros where the configuration leaves rows out.
template <class Tiles>
Bytes ProductOfBytes(const Bytes& from, const TileConfig& config) {
  Bytes o = from;
  Tiles tiles;
  tiles.Configure(config);
  tiles.template Load<0>(o.c, 64);
  tiles.template LoadStream<4>(o.a, 64);
  tiles.template Load<6>(o.b, 64);
  tiles.template DotU8S8<0, 4, 6>();
  std::fill(&o.c[0][0], &o.c[0][0] + 256, 0u);
  tiles.template Store<0>(o.c, 64);
  tiles.Release();
  return o;
}

TEST(Tiles, BytesAreSummedModulo2To32) {
  for (const int depth : {4, 12, 52, 64}) {
    for (const int rows : {1, 5, 16}) {
      const Bytes o = AnyBytes(3);
      const Bytes got = ProductOfBytes<EmulatedTiles>(o, TileConfig(depth, rows));
      for (int m = 0; m < 16; ++m) {
        for (int n = 0; n < 16; ++n) {
          int64_t want = m < rows ? 0x7FFFFF00 : 0;
          for (int k = 0; k < depth && m < rows; ++k) {
            want += int64_t{o.a[m][k]} * o.b[k / 4][4 * n + k % 4];
          }
          EXPECT_EQ(got.c[m][n], static_cast<uint32_t>(want));
        }
      }
    }
  }
}

TEST(Tiles, SumsAreWithinTheirBound) {
  Random random(5);
  Operands o;
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 32; ++k) {
      o.a[i][k] = ToBFloat16(random.Float());
      o.b[i][k] = ToBFloat16(random.Float());
    }
    for (float& x : o.c[i]) x = random.Float();
  }
  const Result result = Product<EmulatedTiles>(o);
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 16; ++n) {
      double want = o.c[m][n];
      double magnitude = std::fabs(want);
      for (int k = 0; k < 32; ++k) {
        const double product =
            double{ToFloat(o.a[m][k])} * double{ToFloat(o.b[k / 2][2 * n + k % 2])};
        want += product;
        magnitude += std::fabs(product);
      }
      EXPECT_NEAR(result.c[m][n], want, 33 * 0x1p-24 * magnitude);
    }
  }
}

#if defined(__x86_64__)
TEST(Tiles, TheHardwareGivesTheSameBits) {
  if (!DetectedCpu().features.Has(CpuFeature::kAmxBf16) || !RequestTilePermission()) {
    GTEST_SKIP() << "this CPU or its operating system has no tiles of bfloat16";
  }
  Random random(7);
  const auto any = [&] { return BFloat16{static_cast<uint16_t>(random.Next())}; };
  const auto about = [&](int centre, int spread) {
    const auto exponent = static_cast<uint64_t>(centre - spread) +
                          random.Next() % static_cast<uint64_t>(2 * spread + 1);
    return BFloat16{static_cast<uint16_t>((random.Next() & 0x807F) | exponent << 7)};
  };
  const std::vector<std::function<BFloat16()>> ranges = {any, [&] { return about(127, 3); },
                                                         [&] { return about(127, 40); },
                                                         [&] { return about(64, 2); }};
  for (const auto& range : ranges) {
    for (int round = 0; round < 100; ++round) {
      Operands o;
      for (int i = 0; i < 16; ++i) {
        for (int k = 0; k < 32; ++k) {
          o.a[i][k] = range();
          o.b[i][k] = range();
        }
        for (float& x : o.c[i]) x = ToFloat(range());
      }
      const Result want = Product<EmulatedTiles>(o);
      const Result got = Product<HardwareTiles>(o);
      for (int i = 0; i < 256; ++i) {
        const float w = want.c[i / 16][i % 16];
        const float g = got.c[i / 16][i % 16];
        if (std::isnan(w) && std::isnan(g)) continue;
        ASSERT_EQ(Bits(g), Bits(w));
      }
    }
  }
}

TEST(Tiles, TheHardwareGivesTheSameSumsOfBytes) {
  if (!DetectedCpu().features.Has(CpuFeature::kAmxInt8) || !RequestTilePermission()) {
    GTEST_SKIP() << "this CPU or its operating system has no tiles of bytes";
  }
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const TileConfig config(static_cast<int>(4 + seed % 16 * 4), static_cast<int>(1 + seed % 16));
    const Bytes o = AnyBytes(seed);
    const Bytes want = ProductOfBytes<EmulatedTiles>(o, config);
    const Bytes got = ProductOfBytes<HardwareTiles>(o, config);
    ASSERT_TRUE(std::equal(&want.c[0][0], &want.c[0][0] + 256, &got.c[0][0]));
  }
}
#endif

}  // namespace
}  // namespace kinglet::kernels::tile_test
