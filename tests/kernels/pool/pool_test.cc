#include "kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/common/blocked.h"
#include "tests/support/blocked.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::pool_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::PadLanesAreZero;
using testing::RandomFloats;
using testing::ToBlockedNaive;
using testing::ToPlainNaive;

size_t At(int64_t i) { return static_cast<size_t>(i); }

// One output by the definition. `magnitude` takes the mean of |tap|.
double PoolNaive(const Pool& p, bool maximum, const std::vector<float>& x, int64_t map, int64_t oy,
                 int64_t ox, double* magnitude) {
  double sum = 0, absolute = 0, best = std::numeric_limits<float>::lowest();
  int64_t taps = 0, padded = 0;
  for (int64_t ky = 0; ky < p.kernel_h; ++ky) {
    for (int64_t kx = 0; kx < p.kernel_w; ++kx) {
      const int64_t iy = oy * p.stride_h - p.pad_top + ky * p.dilation_h;
      const int64_t ix = ox * p.stride_w - p.pad_left + kx * p.dilation_w;
      if (iy < p.in_h + p.pad_bottom && ix < p.in_w + p.pad_right) ++padded;
      if (iy < 0 || iy >= p.in_h || ix < 0 || ix >= p.in_w) continue;
      const double value = x[At((map * p.in_h + iy) * p.in_w + ix)];
      best = taps == 0 ? value : std::max(best, value);
      sum += value;
      absolute += std::abs(value);
      ++taps;
    }
  }
  const double count = static_cast<double>(std::max<int64_t>(p.include_pad ? padded : taps, 1));
  *magnitude = absolute / count;
  return maximum ? best : sum / count;
}

int64_t OutSize(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads,
                bool ceil_mode) {
  const int64_t room = in + pads - (kernel - 1) * dilation - 1;
  return room < 0 ? 0 : (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
}

void ExpectPool(const Pool& p, bool maximum, const std::vector<float>& x,
                const std::vector<float>& got) {
  const double per_tap = std::ldexp(static_cast<double>(p.kernel_h * p.kernel_w + 2), -24);
  size_t i = 0;
  for (int64_t map = 0; map < p.n * p.c; ++map) {
    for (int64_t oy = 0; oy < p.out_h; ++oy) {
      for (int64_t ox = 0; ox < p.out_w; ++ox, ++i) {
        double magnitude = 0;
        const double want = PoolNaive(p, maximum, x, map, oy, ox, &magnitude);
        ASSERT_NEAR(got[i], want, maximum ? 0 : per_tap * magnitude)
            << "map " << map << " at " << oy << ", " << ox;
      }
    }
  }
}

template <typename F>
void InPieces(int64_t units, int64_t step, F f) {
  for (int64_t begin = 0; begin < units; begin += step) f(begin, std::min(begin + step, units));
}

void CheckPool(Pool p) {
  SCOPED_TRACE("in " + std::to_string(p.in_h) + "x" + std::to_string(p.in_w) + " kernel " +
               std::to_string(p.kernel_h) + "x" + std::to_string(p.kernel_w) + " stride " +
               std::to_string(p.stride_h) + " dilation " + std::to_string(p.dilation_h) + " pads " +
               std::to_string(p.pad_top) + std::to_string(p.pad_left) +
               std::to_string(p.pad_bottom) + std::to_string(p.pad_right) + " c " +
               std::to_string(p.c));
  const auto plain = RandomFloats(At(p.n * p.c * p.in_h * p.in_w), 11);
  const GuardedBuffer<float> plain_x(plain, 1);
  const GuardedBuffer<float> blocked_x(ToBlockedNaive(plain, p.n, p.c, p.in_h, p.in_w));
  const PoolTable& table = GetPoolTable();
  for (const bool maximum : {true, false}) {
    for (const bool include_pad : {false, true}) {
      p.include_pad = include_pad;
      p.in_batch_stride = RoundUpToBlock(p.c) * p.in_h * p.in_w;
      p.out_batch_stride = RoundUpToBlock(p.c) * p.out_h * p.out_w;
      GuardedBuffer<float> blocked_y(At(BlockedCount(p.n, p.c, p.out_h, p.out_w)));
      std::fill(blocked_y.begin(), blocked_y.end(), 9.0f);
      InPieces(BlockedUnitCount(p), 3, [&](int64_t begin, int64_t end) {
        (maximum ? table.max_blocked : table.average_blocked)(p, blocked_x.data(), blocked_y.data(),
                                                              begin, end);
      });
      ExpectPool(p, maximum, plain, ToPlainNaive(blocked_y, p.n, p.c, p.out_h, p.out_w));
      ASSERT_TRUE(PadLanesAreZero(blocked_y, p.n, p.c, p.out_h, p.out_w));
      ASSERT_TRUE(blocked_y.Intact());

      p.in_batch_stride = p.c * p.in_h * p.in_w;
      p.out_batch_stride = p.c * p.out_h * p.out_w;
      GuardedBuffer<float> plain_y(At(p.n * p.out_batch_stride), 3);
      InPieces(PlainUnitCount(p), 5, [&](int64_t begin, int64_t end) {
        (maximum ? table.max_plain : table.average_plain)(p, plain_x.data(), plain_y.data(), begin,
                                                          end);
      });
      ExpectPool(p, maximum, plain, plain_y.values());
      ASSERT_TRUE(plain_y.Intact());
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Pool, KernelsStridesPadsAndDilations) {
  ForEachTarget([] {
    for (const int64_t kernel : {1, 2, 3, 4, 5}) {
      for (const int64_t stride : {1, 2, 3}) {
        for (const int64_t dilation : {1, 2}) {
          for (const int64_t pad : {0, 1, 2}) {
            for (const bool ceil_mode : {false, true}) {
              Pool p{1, 17, 9, 11, 0, 0, kernel, kernel, stride, stride, dilation, dilation};
              p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = pad;
              p.out_h = OutSize(p.in_h, kernel, stride, dilation, 2 * pad, ceil_mode);
              p.out_w = OutSize(p.in_w, kernel, stride, dilation, 2 * pad, ceil_mode);
              if (p.out_h > 0 && p.out_w > 0) CheckPool(p);
              if (::testing::Test::HasFatalFailure()) return;
            }
          }
        }
      }
    }
  });
}

TEST(Pool, OblongWindowsAsymmetricPadsAndManyChannels) {
  ForEachTarget([] {
    Pool p{2, 40, 7, 10, 0, 0, 3, 2, 2, 1, 1, 1, 0, 0, 1, 1};
    p.out_h = OutSize(7, 3, 2, 1, 1, false);
    p.out_w = OutSize(10, 2, 1, 1, 1, false);
    CheckPool(p);
    Pool row{2, 33, 1, 70, 1, 0, 1, 7, 1, 1, 1, 1, 0, 3, 0, 3};
    row.out_w = 70;
    CheckPool(row);
    Pool whole{2, 16, 8, 8, 1, 1, 8, 8};
    CheckPool(whole);
    Pool tiny{1, 3, 1, 1, 1, 1, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1};
    CheckPool(tiny);
    for (int64_t w = 1; w <= 40; ++w) {
      Pool line{1, 4, 4, w, 4, w, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
      CheckPool(line);
    }
  });
}

// Windows that are reduced by parts, in every shape that the parts can have.
TEST(Pool, LargeWindows) {
  ForEachTarget([] {
    for (const int64_t kernel : {4, 5, 6, 7, 8, 13, 16, 31}) {
      for (const int64_t stride : {1, 2, 3, 7}) {
        for (const int64_t dilation : {1, 2, 5}) {
          const int64_t pad = kernel / 2, in = 19;
          Pool p{1, 3, in, in + 4, 0, 0, kernel, kernel, stride, stride, dilation, dilation};
          p.pad_top = p.pad_left = pad;
          p.pad_bottom = p.pad_right = kernel - 1 - pad;
          p.out_h = OutSize(p.in_h, kernel, stride, dilation, kernel - 1, true);
          p.out_w = OutSize(p.in_w, kernel, stride, dilation, kernel - 1, true);
          if (p.out_h > 0 && p.out_w > 0) CheckPool(p);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

// Rows that are longer than what is worked on at once, and windows that are wider than that.
TEST(Pool, LongRows) {
  ForEachTarget([] {
    for (const int64_t kernel : {1, 3, 9, 64}) {
      for (const int64_t stride : {1, 2, 5}) {
        Pool p{1, 2, 2, 7001, 2, 0, 1, kernel, 1, stride};
        p.pad_left = kernel / 2;
        p.out_w = OutSize(p.in_w, kernel, stride, 1, p.pad_left, false);
        CheckPool(p);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
    Pool wide{1, 2, 2, 7001, 2, 0, 1, 3, 1, 1, 1, 2000};
    wide.out_w = OutSize(wide.in_w, 3, 1, 2000, 0, false);
    CheckPool(wide);
  });
}

// With a dilation, a window can step over the whole input.
TEST(Pool, WindowsWithoutTaps) {
  ForEachTarget([] {
    Pool p{1, 5, 2, 2, 2, 2, 2, 2, 1, 1, 4, 4, 2, 2, 2, 2};
    CheckPool(p);
  });
}

TEST(Pool, SlicesOfLargerTensors) {
  ForEachTarget([] {
    Pool p{2, 16, 4, 4, 2, 2, 2, 2, 2, 2};
    p.in_batch_stride = 16 * 16 + 48;
    p.out_batch_stride = 16 * 4 + 32;
    const auto x = RandomFloats(At(2 * p.in_batch_stride), 12);
    std::vector<float> y(At(2 * p.out_batch_stride), 9.0f);
    GetPoolTable().max_blocked(p, x.data(), y.data(), 0, BlockedUnitCount(p));
    for (int64_t n = 0; n < 2; ++n) {
      const float* map = x.data() + n * p.in_batch_stride;
      const float want = std::max({map[0], map[16], map[64], map[80]});
      EXPECT_EQ(y[At(n * p.out_batch_stride)], want);
      EXPECT_EQ(y[At(n * p.out_batch_stride + 64)], 9.0f);
    }
  });
}

TEST(Pool, NanAndInfinity) {
  ForEachTarget([] {
    const float inf = std::numeric_limits<float>::infinity();
    Pool p{1, 16, 3, 3, 1, 1, 3, 3};
    p.in_batch_stride = 9 * 16;
    p.out_batch_stride = 16;
    for (int64_t at = 0; at < 9; ++at) {
      std::vector<float> x(9 * 16, 1.0f), y(16);
      for (int64_t l = 0; l < 16; ++l) {
        x[At(at * 16 + l)] = l < 4 ? std::nanf("") : l < 8 ? inf : -inf;
      }
      GetPoolTable().max_blocked(p, x.data(), y.data(), 0, 1);
      for (size_t l = 0; l < 4; ++l) EXPECT_TRUE(std::isnan(y[l]) || y[l] == 1.0f);
      EXPECT_EQ(y[4], inf);
      EXPECT_EQ(y[8], 1.0f);
      GetPoolTable().average_blocked(p, x.data(), y.data(), 0, 1);
      EXPECT_TRUE(std::isnan(y[0]));
      EXPECT_EQ(y[4], inf);
      EXPECT_EQ(y[8], -inf);
    }
    std::vector<float> low(9 * 16, -inf), y(16);
    GetPoolTable().max_blocked(p, low.data(), y.data(), 0, 1);
    EXPECT_EQ(y[0], -inf);
  });
}

TEST(GlobalPool, EverySize) {
  ForEachTarget([] {
    const PoolTable& table = GetPoolTable();
    for (const int64_t c : {1, 5, 16, 17, 40}) {
      for (int64_t pixels = 1; pixels <= 70; ++pixels) {
        const int64_t n = 2;
        const auto plain = RandomFloats(At(n * c * pixels), 13);
        const GuardedBuffer<float> x(plain, 1);
        const GuardedBuffer<float> blocked_x(ToBlockedNaive(plain, n, c, 1, pixels));
        Pool whole{n, c, 1, pixels, 1, 1, 1, pixels};
        for (const bool maximum : {true, false}) {
          GuardedBuffer<float> blocked_y(At(n * RoundUpToBlock(c)));
          std::fill(blocked_y.begin(), blocked_y.end(), 9.0f);
          const GlobalPool b = {n, c, pixels, RoundUpToBlock(c) * pixels, RoundUpToBlock(c)};
          (maximum ? table.global_max_blocked : table.global_average_blocked)(
              b, blocked_x.data(), blocked_y.data(), 0, BlockedUnitCount(b));
          ExpectPool(whole, maximum, plain, ToPlainNaive(blocked_y, n, c, 1, 1));
          ASSERT_TRUE(PadLanesAreZero(blocked_y, n, c, 1, 1));
          ASSERT_TRUE(blocked_y.Intact());
          GuardedBuffer<float> y(At(n * c));
          const GlobalPool p = {n, c, pixels, c * pixels, c};
          (maximum ? table.global_max_plain : table.global_average_plain)(p, x.data(), y.data(), 0,
                                                                          PlainUnitCount(p));
          ExpectPool(whole, maximum, plain, y.values());
          ASSERT_TRUE(y.Intact());
        }
      }
    }
  });
}

TEST(GlobalPool, EmptyMapsGiveTheNeutralValue) {
  ForEachTarget([] {
    std::vector<float> y(16, 9.0f);
    const GlobalPool p = {1, 3, 0, 0, 16};
    GetPoolTable().global_average_blocked(p, nullptr, y.data(), 0, 1);
    EXPECT_EQ(y[0], 0.0f);
    GetPoolTable().global_max_blocked(p, nullptr, y.data(), 0, 1);
    EXPECT_EQ(y[0], std::numeric_limits<float>::lowest());
    EXPECT_TRUE(PadLanesAreZero(y, 1, 3, 1, 1));
  });
}

TEST(Pool, WorkCountsTaps) {
  const Pool p{
      .n = 2, .c = 16, .in_h = 8, .in_w = 8, .out_h = 4, .out_w = 4, .kernel_h = 3, .kernel_w = 2};
  double taps = 0;
  for (int64_t value = 0; value < 2 * 16 * 4 * 4; ++value) {
    for (int tap = 0; tap < 3 * 2; ++tap) ++taps;
  }
  EXPECT_EQ(PoolWork(p, true, true, 1).Count(WorkKind::kPoolMax), taps);
  EXPECT_EQ(PoolWork(p, false, true, 1).Count(WorkKind::kPoolAverage), taps);
  EXPECT_EQ(PoolWork(p, false, true, 1).read_bytes(), 4 * 2 * 16 * 8 * 8);
  EXPECT_EQ(PoolWork(p, false, true, 1).write_bytes(), 4 * 2 * 16 * 4 * 4);
}

}  // namespace
}  // namespace kinglet::kernels::pool_test
