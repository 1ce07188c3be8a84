#include "kernels/layout/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/common/blocked.h"
#include "kernels/common/half.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::convert_test {
namespace {

using testing::GuardedBuffer;

constexpr ElementType kFloat = ElementType::kFloat32;
constexpr ElementType kBrain = ElementType::kBFloat16;

TEST(Convert, FloatsAndBFloat16sAtEveryLength) {
  testing::ForEachTarget([] {
    for (size_t n = 0; n <= 35; ++n) {
      std::vector<float> values = testing::RandomFloats(n, 3, -100.0f, 100.0f);
      if (n > 2) values[n / 2] = std::nanf(""), values[0] = std::numeric_limits<float>::infinity();
      const GuardedBuffer<float> x(values, n % 4);
      GuardedBuffer<uint16_t> y(n, n % 5);
      FindConversion(kFloat, kBrain).run(x.data(), y.data(), n);
      ASSERT_TRUE(y.Intact());
      GuardedBuffer<float> z(n, n % 3);
      FindConversion(kBrain, kFloat).run(y.data(), z.data(), n);
      ASSERT_TRUE(z.Intact());
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(y[i], ToBFloat16(x[i]).bits) << n << ", " << i;
        ASSERT_EQ(std::isnan(z[i]), std::isnan(x[i])) << n << ", " << i;
        if (std::isnan(x[i])) continue;
        ASSERT_EQ(z[i], ToFloat(BFloat16{y[i]})) << n << ", " << i;
      }
    }
  });
}

// Every float16 as a float, and back from there and from its neighbours: those halfway between two
// are among them.
TEST(Convert, EveryFloat16) {
  testing::ForEachTarget([] {
    const Conversion widen = FindConversion(ElementType::kFloat16, kFloat);
    const Conversion narrow = FindConversion(kFloat, ElementType::kFloat16);
    std::vector<uint16_t> halves(65536);
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
    std::vector<float> floats(halves.size());
    widen.run(halves.data(), floats.data(), halves.size());
    for (size_t i = 0; i < halves.size(); ++i) {
      const float expected = ToFloat(Float16{halves[i]});
      ASSERT_EQ(std::bit_cast<uint32_t>(floats[i]), std::bit_cast<uint32_t>(expected)) << i;
    }
    for (const uint32_t low : {0x0u, 0x1u, 0xFFFu, 0x1000u, 0x1001u, 0x1FFFu}) {
      std::vector<float> near(floats);
      for (float& f : near) f = std::bit_cast<float>(std::bit_cast<uint32_t>(f) ^ low);
      std::vector<uint16_t> back(near.size());
      narrow.run(near.data(), back.data(), near.size());
      for (size_t i = 0; i < near.size(); ++i) {
        ASSERT_EQ(back[i], ToFloat16(near[i]).bits) << near[i] << ", " << low;
      }
    }
  });
}

TEST(Convert, Float16sAtEveryLength) {
  testing::ForEachTarget([] {
    for (size_t n = 0; n <= 35; ++n) {
      const GuardedBuffer<float> x(testing::RandomFloats(n, 3, -100.0f, 100.0f), n % 4);
      GuardedBuffer<uint16_t> y(n, n % 5);
      FindConversion(kFloat, ElementType::kFloat16).run(x.data(), y.data(), n);
      ASSERT_TRUE(y.Intact());
      GuardedBuffer<float> z(n, n % 3);
      FindConversion(ElementType::kFloat16, kFloat).run(y.data(), z.data(), n);
      ASSERT_TRUE(z.Intact());
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(y[i], ToFloat16(x[i]).bits) << n << ", " << i;
        ASSERT_EQ(z[i], ToFloat(Float16{y[i]})) << n << ", " << i;
      }
    }
  });
}

TEST(Convert, SaysWhatThereIsNot) {
  EXPECT_EQ(FindConversion(kFloat, ElementType::kInt8).run, nullptr);
  EXPECT_EQ(FindConversion(kFloat, kFloat).run, nullptr);
}

// Blocked images of one type are those of the other, pad lanes zero, whatever stood in them.
TEST(Convert, BlockedImagesAtEveryNumberOfChannels) {
  constexpr int64_t n = 2;
  constexpr int64_t h = 3;
  constexpr int64_t w = 5;
  testing::ForEachTarget([] {
    for (int64_t c = 1; c <= 70; ++c) {
      const auto index = [&](int64_t i, int64_t k, int64_t p, int64_t block) {
        return static_cast<size_t>(BlockedIndex(i, k, p / w, p % w, c, h, w, block));
      };
      const auto count = [&](int64_t block) {
        return static_cast<size_t>(BlockedCount(n, c, h, w, block));
      };
      const std::vector<float> values =
          testing::RandomFloats(static_cast<size_t>(n * c * h * w), 5, -9.0f, 9.0f);
      std::vector<float> wide(count(16));
      size_t next = 0;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t k = 0; k < c; ++k) {
          for (int64_t p = 0; p < h * w; ++p) wide[index(i, k, p, 16)] = values[next++];
        }
      }
      const GuardedBuffer<float> x(wide);
      GuardedBuffer<uint16_t> y(count(32));
      GuardedBuffer<float> z(count(16));
      const int64_t units = BlockedConversionUnits(n, c, h);
      for (int64_t u = 0; u < units; ++u) {
        FindBlockedConversion(kFloat, kBrain).run(c, h, w, x.data(), y.data(), u, u + 1);
      }
      FindBlockedConversion(kBrain, kFloat).run(c, h, w, y.data(), z.data(), 0, units);
      ASSERT_TRUE(y.Intact() && z.Intact());
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t k = 0; k < RoundUpToBlock(c, 32); ++k) {
          for (int64_t p = 0; p < h * w; ++p) {
            const uint16_t want = k < c ? ToBFloat16(wide[index(i, k, p, 16)]).bits : uint16_t{0};
            ASSERT_EQ(y[index(i, k, p, 32)], want) << c << ", " << k << ", " << p;
            if (k >= RoundUpToBlock(c)) continue;
            ASSERT_EQ(z[index(i, k, p, 16)], ToFloat(BFloat16{want})) << c << ", " << k;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::convert_test
