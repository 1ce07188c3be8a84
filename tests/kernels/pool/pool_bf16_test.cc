// Pools of bfloat16 against their definition.
#include "kernels/pool/pool_bf16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/common/half.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::pool_bf16_test {
namespace {

using testing::GuardedBuffer;

float Value(uint16_t bits) { return ToFloat(BFloat16{bits}); }

std::vector<uint16_t> Images(int64_t n, int64_t c, int64_t h, int64_t w) {
  std::vector<uint16_t> x(static_cast<size_t>(BlockedCount(n, c, h, w, 32)));
  const std::vector<float> values = testing::RandomFloats(x.size(), 4, -4.0f, 4.0f);
  size_t next = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < c; ++k) {
      for (int64_t y = 0; y < h; ++y) {
        for (int64_t z = 0; z < w; ++z) {
          x[static_cast<size_t>(BlockedIndex(i, k, y, z, c, h, w, 32))] =
              ToBFloat16(values[next++]).bits;
        }
      }
    }
  }
  return x;
}

double Defined(const Pool& p, const GuardedBuffer<uint16_t>& x, bool max, int64_t n, int64_t c,
               int64_t oy, int64_t ox) {
  double result = max ? -0x1.FEp127 : 0;
  int64_t inside = 0;
  int64_t padded = 0;
  for (int64_t i = 0; i < p.kernel_h; ++i) {
    for (int64_t j = 0; j < p.kernel_w; ++j) {
      const int64_t y = oy * p.stride_h - p.pad_top + i * p.dilation_h;
      const int64_t z = ox * p.stride_w - p.pad_left + j * p.dilation_w;
      padded += y < p.in_h + p.pad_bottom && z < p.in_w + p.pad_right;
      if (y < 0 || z < 0 || y >= p.in_h || z >= p.in_w) continue;
      ++inside;
      const double value =
          Value(x[static_cast<size_t>(BlockedIndex(n, c, y, z, p.c, p.in_h, p.in_w, 32))]);
      result = max ? std::max(result, value) : result + value;
    }
  }
  const int64_t count = p.include_pad ? padded : inside;
  return max || count == 0 ? result : result / static_cast<double>(count);
}

TEST(PoolBf16, WindowsAreAsDefined) {
  testing::ForEachTarget([] {
    for (const int64_t c : {1, 31, 32, 40}) {
      for (const int64_t kernel : {1, 2, 3, 5}) {
        for (const int64_t stride : {1, 2}) {
          for (const bool include_pad : {false, true}) {
            Pool p{.n = 2,
                   .c = c,
                   .in_h = 7,
                   .in_w = 6,
                   .out_h = 0,
                   .out_w = 0,
                   .kernel_h = kernel,
                   .kernel_w = kernel};
            p.stride_h = p.stride_w = stride;
            p.dilation_w = kernel == 2 ? 2 : 1;
            p.pad_top = p.pad_bottom = p.pad_left = p.pad_right = kernel / 2;
            p.include_pad = include_pad;
            const auto outputs = [&](int64_t in, int64_t dilation) {
              return (in + 2 * (kernel / 2) - (kernel - 1) * dilation - 1) / stride + 1;
            };
            p.out_h = outputs(p.in_h, p.dilation_h);
            p.out_w = outputs(p.in_w, p.dilation_w);
            const int64_t channels = RoundUpToBlock(c, 32);
            p.in_batch_stride = channels * p.in_h * p.in_w;
            p.out_batch_stride = channels * p.out_h * p.out_w;
            const GuardedBuffer<uint16_t> x(Images(p.n, c, p.in_h, p.in_w));
            for (const bool max : {true, false}) {
              GuardedBuffer<uint16_t> y(static_cast<size_t>(p.n * p.out_batch_stride));
              const PoolBf16Table& table = GetPoolBf16Table();
              for (int64_t u = 0; u < Bf16UnitCount(p); ++u) {
                (max ? table.max : table.average)(p, x.data(), y.data(), u, u + 1);
              }
              ASSERT_TRUE(y.Intact());
              for (int64_t n = 0; n < p.n; ++n) {
                for (int64_t k = 0; k < channels; ++k) {
                  for (int64_t o = 0; o < p.out_h * p.out_w; ++o) {
                    const int64_t oy = o / p.out_w;
                    const int64_t ox = o % p.out_w;
                    const float got = Value(y[static_cast<size_t>(
                        BlockedIndex(n, k, oy, ox, c, p.out_h, p.out_w, 32))]);
                    const double want = k < c ? Defined(p, x, max, n, k, oy, ox) : 0;
                    ASSERT_NEAR(got, want, max ? 0 : std::fabs(want) * 0x1p-8 + 1e-5)
                        << c << " channels, kernel " << kernel << ", " << k << ", " << o;
                  }
                }
              }
            }
          }
        }
      }
    }
  });
}

TEST(PoolBf16, WholeMapsAreStoredInEitherType) {
  testing::ForEachTarget([] {
    const PoolBf16Table& table = GetPoolBf16Table();
    for (const int64_t c : {1, 15, 17, 33, 64}) {
      for (const int64_t pixels : {1, 5}) {
        GlobalPool p{.n = 2, .c = c, .pixels = pixels};
        p.in_batch_stride = RoundUpToBlock(c, 32) * pixels;
        const GuardedBuffer<uint16_t> x(Images(2, c, 1, pixels));
        const auto want = [&](int64_t n, int64_t k, bool max) {
          const Pool whole{.n = 2,
                           .c = c,
                           .in_h = 1,
                           .in_w = pixels,
                           .out_h = 1,
                           .out_w = 1,
                           .kernel_h = 1,
                           .kernel_w = pixels};
          return k < c ? Defined(whole, x, max, n, k, 0, 0) : 0.0;
        };
        for (const bool max : {true, false}) {
          p.out_batch_stride = RoundUpToBlock(c, 32);
          GuardedBuffer<uint16_t> y(static_cast<size_t>(2 * p.out_batch_stride));
          (max ? table.global_max : table.global_average)(p, x.data(), y.data(), 0,
                                                          Bf16UnitCount(p));
          ASSERT_TRUE(y.Intact());
          for (int64_t i = 0; i < 2 * p.out_batch_stride; ++i) {
            const double exact = want(i / p.out_batch_stride, i % p.out_batch_stride, max);
            ASSERT_NEAR(Value(y[static_cast<size_t>(i)]), exact, std::fabs(exact) * 0x1p-8 + 1e-5);
          }
          p.out_batch_stride = RoundUpToBlock(c);
          GuardedBuffer<float> z(static_cast<size_t>(2 * p.out_batch_stride));
          (max ? table.global_max_f32 : table.global_average_f32)(p, x.data(), z.data(), 0,
                                                                  Bf16UnitCount(p));
          ASSERT_TRUE(z.Intact());
          for (int64_t i = 0; i < 2 * p.out_batch_stride; ++i) {
            ASSERT_NEAR(z[static_cast<size_t>(i)],
                        want(i / p.out_batch_stride, i % p.out_batch_stride, max), 1e-5);
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::pool_bf16_test
