// Pools of codes against their definition, bit for bit.
#include "kernels/pool/pool_u8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/blocked.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::pool_u8_test {
namespace {

using testing::GuardedBuffer;

constexpr int64_t kLanes = 64;

// Codes of channels, and zeros in the lanes beyond.
std::vector<uint8_t> Images(int64_t n, int64_t c, int64_t h, int64_t w) {
  std::vector<uint8_t> x(static_cast<size_t>(BlockedCount(n, c, h, w, kLanes)));
  uint32_t state = 12345;
  for (int64_t i = 0; i < n * c * h * w; ++i) {
    state = state * 1664525 + 1013904223;
    const int64_t column = i % w, row = i / w % h, channel = i / w / h % c;
    x[static_cast<size_t>(BlockedIndex(i / w / h / c, channel, row, column, c, h, w, kLanes))] =
        static_cast<uint8_t>(state >> 24);
  }
  return x;
}

uint8_t Saturated(float v, int32_t zero) {
  if (std::isnan(v)) return 255;
  v = std::clamp(v, static_cast<float>(-zero), static_cast<float>(255 - zero));
  return static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(v)) + zero);
}

// Of one output; null: the maximum.
uint8_t Defined(const Pool& p, const CodeScales* s, const GuardedBuffer<uint8_t>& x, int64_t n,
                int64_t c, int64_t oy, int64_t ox) {
  uint8_t most = 0;
  float sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < p.kernel_h; ++i) {
    for (int64_t j = 0; j < p.kernel_w; ++j) {
      const int64_t row = oy * p.stride_h - p.pad_top + i * p.dilation_h;
      const int64_t column = ox * p.stride_w - p.pad_left + j * p.dilation_w;
      if (row < 0 || column < 0 || row >= p.in_h || column >= p.in_w) continue;
      const uint8_t code =
          x[static_cast<size_t>(BlockedIndex(n, c, row, column, p.c, p.in_h, p.in_w, kLanes))];
      most = std::max(most, code);
      ++count;
      if (s == nullptr) continue;
      volatile float value = s->x_scale * static_cast<float>(code - s->x_zero);
      sum += value;
    }
  }
  if (s == nullptr) return most;
  const auto taps = static_cast<float>(p.include_pad ? p.kernel_h * p.kernel_w : count);
  const float share = sum / taps / s->y_scale;
  return Saturated(share + static_cast<float>(s->y_zero), 0);
}

// Compares every lane of the units' outputs, which go one by one.
void ExpectDefined(const Pool& p, const CodeScales* s) {
  const GuardedBuffer<uint8_t> x(Images(p.n, p.c, p.in_h, p.in_w));
  GuardedBuffer<uint8_t> y(static_cast<size_t>(p.n * p.out_batch_stride));
  std::fill(y.data(), y.data() + p.n * p.out_batch_stride, uint8_t{77});
  for (int64_t u = 0; u < CodeUnitCount(p); ++u) {
    if (s == nullptr) {
      GetPoolU8Table().max(p, x.data(), y.data(), u, u + 1);
    } else {
      GetPoolU8Table().average(p, *s, x.data(), y.data(), u, u + 1);
    }
  }
  ASSERT_TRUE(y.Intact());
  for (int64_t n = 0; n < p.n; ++n) {
    const uint8_t* image = y.data() + n * p.out_batch_stride;
    const int64_t dense = BlockedCount(1, p.c, p.out_h, p.out_w, kLanes);
    for (int64_t c = 0; c < RoundUpToBlock(p.c, kLanes); ++c) {
      for (int64_t o = 0; o < p.out_h * p.out_w; ++o) {
        const int64_t row = o / p.out_w, column = o % p.out_w;
        const int want = c < p.c ? Defined(p, s, x, n, c, row, column) : 0;
        ASSERT_EQ(image[BlockedIndex(0, c, row, column, p.c, p.out_h, p.out_w, kLanes)], want)
            << p.c << " channels, kernel " << p.kernel_h << " x " << p.kernel_w << ", channel " << c
            << ", output " << o;
      }
    }
    for (int64_t i = dense; i < p.out_batch_stride; ++i) ASSERT_EQ(image[i], 77) << "beyond";
  }
}

Pool PoolOf(int64_t c, int64_t kernel, int64_t stride, int64_t dilation, bool include_pad) {
  Pool p{.n = 2,
         .c = c,
         .in_h = 7,
         .in_w = 6,
         .out_h = 0,
         .out_w = 0,
         .kernel_h = kernel,
         .kernel_w = std::min<int64_t>(kernel + 1, 5)};
  p.stride_h = p.stride_w = stride;
  p.dilation_w = dilation;
  p.pad_top = p.pad_bottom = kernel / 2;
  p.pad_left = p.pad_right = p.kernel_w / 2;
  p.include_pad = include_pad;
  p.out_h = (p.in_h + 2 * p.pad_top - p.kernel_h) / stride + 1;
  p.out_w = (p.in_w + 2 * p.pad_left - (p.kernel_w - 1) * dilation - 1) / stride + 1;
  p.in_batch_stride = BlockedCount(1, c, p.in_h, p.in_w, kLanes);
  p.out_batch_stride = BlockedCount(1, c, p.out_h, p.out_w, kLanes) + 64;
  return p;
}

TEST(PoolU8, WindowsAreAsDefined) {
  // The second pair saturates; 1 / 0.5 makes halves.
  const CodeScales scales[] = {{0.5f, 0.37f, 100, 120},
                               {1.0f, 0.01f, 128, 3},
                               {1.0f, 0.5f, 0, 0},
                               {0.1f, 0.1f, 0, 0},
                               {0.3f, 0.15f, 7, 3}};
  testing::ForEachTarget([&] {
    for (const int64_t c : {1, 3, 40, 63, 64, 65, 130}) {
      for (const int64_t kernel : {1, 2, 3, 5}) {
        for (const int64_t stride : {1, 2}) {
          ExpectDefined(PoolOf(c, kernel, stride, kernel == 2 ? 2 : 1, false), nullptr);
          for (const CodeScales& s : scales) {
            ExpectDefined(PoolOf(c, kernel, stride, 1, kernel == 3), &s);
          }
        }
      }
    }
  });
}

TEST(PoolU8, AWindowWithoutTaps) {
  Pool p = PoolOf(5, 1, 1, 1, false);
  p.kernel_w = 1;
  p.pad_left = 2;
  p.out_w = 8;
  p.out_batch_stride = BlockedCount(1, p.c, p.out_h, p.out_w, kLanes);
  const CodeScales s{0.5f, 0.25f, 7, 9};
  testing::ForEachTarget([&] {
    ExpectDefined(p, nullptr);
    ExpectDefined(p, &s);
  });
}

TEST(PoolU8, WholeMapsAreAsDefined) {
  const CodeScales s{0.5f, 0.13f, 100, 20};
  testing::ForEachTarget([&] {
    for (int64_t c = 1; c <= 130; c += c < 62 || c > 67 ? 3 : 1) {
      for (const int64_t pixels : {1, 2, 49, 1000}) {
        GlobalPool p{.n = 2, .c = c, .pixels = pixels};
        p.in_batch_stride = BlockedCount(1, c, 1, pixels, kLanes);
        p.out_batch_stride = BlockedCount(1, c, 1, 1, kLanes);
        const GuardedBuffer<uint8_t> x(Images(2, c, 1, pixels));
        GuardedBuffer<uint8_t> y(static_cast<size_t>(2 * p.out_batch_stride));
        std::fill(y.data(), y.data() + 2 * p.out_batch_stride, uint8_t{77});
        for (int64_t u = 0; u < CodeUnitCount(p); ++u) {
          GetPoolU8Table().global_average(p, s, x.data(), y.data(), u, u + 1);
        }
        ASSERT_TRUE(y.Intact());
        const float scale = s.x_scale / (s.y_scale * static_cast<float>(pixels));
        for (int64_t i = 0; i < 2 * p.out_batch_stride; ++i) {
          const int64_t channel = i % p.out_batch_stride;
          int64_t sum = -pixels * s.x_zero;
          for (int64_t k = 0; k < pixels; ++k) {
            sum += x[static_cast<size_t>(
                BlockedIndex(i / p.out_batch_stride, channel, 0, k, c, 1, pixels, kLanes))];
          }
          const int want = channel < c ? Saturated(static_cast<float>(sum) * scale, s.y_zero) : 0;
          ASSERT_EQ(y[static_cast<size_t>(i)], want) << c << " channels, " << pixels << ", " << i;
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::pool_u8_test
