#include "kernels/pool/pool_nd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/pool/pool.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::pool_nd_test {
namespace {

using testing::RandomFloats;

PoolNd FromPool(const Pool& p) {
  PoolNd q;
  q.maps = p.n * p.c;
  const auto set = [](int64_t(&a)[3], int64_t h, int64_t w) {
    a[1] = h;
    a[2] = w;
  };
  set(q.in, p.in_h, p.in_w);
  set(q.out, p.out_h, p.out_w);
  set(q.kernel, p.kernel_h, p.kernel_w);
  set(q.stride, p.stride_h, p.stride_w);
  set(q.dilation, p.dilation_h, p.dilation_w);
  set(q.pad_begin, p.pad_top, p.pad_left);
  set(q.pad_end, p.pad_bottom, p.pad_right);
  return q;
}

TEST(PoolNd, AgreesWithTheImageKernels) {
  Pool p{2, 3, 7, 9, 4, 5, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1};
  p.in_batch_stride = 3 * 63;
  p.out_batch_stride = 3 * 20;
  const auto x = RandomFloats(2 * 3 * 63, 21);
  std::vector<float> want(2 * 3 * 20), got(want.size());
  PoolNd q = FromPool(p);
  GetPoolTable().max_plain(p, x.data(), want.data(), 0, PlainUnitCount(p));
  RunPoolNd<float>(q, x.data(), got.data(), nullptr, 0, UnitCount(q));
  EXPECT_EQ(got, want);
  for (const bool include_pad : {false, true}) {
    p.include_pad = include_pad;
    q.kind = include_pad ? PoolNdKind::kAverageWithPad : PoolNdKind::kAverage;
    GetPoolTable().average_plain(p, x.data(), want.data(), 0, PlainUnitCount(p));
    RunPoolNd<float>(q, x.data(), got.data(), nullptr, 0, 5);
    RunPoolNd<float>(q, x.data(), got.data(), nullptr, 5, UnitCount(q));
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6);
  }
}

TEST(PoolNd, AgreesWithTheKernelsForVolumes) {
  testing::ForEachTarget([] {
    for (const int64_t kernel : {1, 2, 3, 5}) {
      for (const int64_t stride : {1, 2}) {
        Pool p{.n = 2,
               .c = 3,
               .in_h = 6,
               .in_w = 13,
               .out_h = 0,
               .out_w = 0,
               .kernel_h = kernel,
               .kernel_w = kernel,
               .stride_h = stride,
               .stride_w = stride};
        p.in_d = 7;
        p.kernel_d = kernel;
        p.stride_d = stride;
        p.pad_front = p.pad_top = p.pad_left = kernel / 2;
        const auto size = [&](int64_t in) { return (in + kernel / 2 - kernel) / stride + 1; };
        p.out_d = size(p.in_d);
        p.out_h = size(p.in_h);
        p.out_w = size(p.in_w);
        p.in_batch_stride = p.c * p.in_d * p.in_h * p.in_w;
        p.out_batch_stride = p.c * p.out_d * p.out_h * p.out_w;
        PoolNd q = FromPool(p);
        q.in[0] = p.in_d;
        q.out[0] = p.out_d;
        q.kernel[0] = kernel;
        q.stride[0] = stride;
        q.pad_begin[0] = p.pad_front;
        const auto x = RandomFloats(static_cast<size_t>(2 * p.in_batch_stride), 22);
        std::vector<float> want(static_cast<size_t>(2 * p.out_batch_stride)), got(want.size());
        ASSERT_EQ(PlainUnitCount(p), UnitCount(q));
        RunPoolNd<float>(q, x.data(), want.data(), nullptr, 0, UnitCount(q));
        GetPoolTable().max_plain(p, x.data(), got.data(), 0, PlainUnitCount(p));
        EXPECT_EQ(got, want);
        for (const bool include_pad : {false, true}) {
          p.include_pad = include_pad;
          q.kind = include_pad ? PoolNdKind::kAverageWithPad : PoolNdKind::kAverage;
          RunPoolNd<float>(q, x.data(), want.data(), nullptr, 0, UnitCount(q));
          GetPoolTable().average_plain(p, x.data(), got.data(), 0, 7);
          GetPoolTable().average_plain(p, x.data(), got.data(), 7, PlainUnitCount(p));
          for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-5);
        }
      }
    }
  });
}

// The example of ONNX's MaxPool with indices, in both storage orders.
TEST(PoolNd, IndicesOfTheMaxima) {
  std::vector<float> x(25);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
  PoolNd p;
  p.in[1] = p.in[2] = 5;
  p.out[1] = p.out[2] = 2;
  p.kernel[1] = p.kernel[2] = 2;
  p.stride[1] = p.stride[2] = 2;
  std::vector<float> y(4);
  std::vector<int64_t> indices(4);
  RunPoolNd<float>(p, x.data(), y.data(), indices.data(), 0, UnitCount(p));
  EXPECT_EQ(y, (std::vector<float>{7, 9, 17, 19}));
  EXPECT_EQ(indices, (std::vector<int64_t>{6, 8, 16, 18}));
  p.column_major = true;
  RunPoolNd<float>(p, x.data(), y.data(), indices.data(), 0, UnitCount(p));
  EXPECT_EQ(indices, (std::vector<int64_t>{6, 16, 8, 18}));
}

// The first of the largest, window by window: whole ones, those that reach outside, equal values,
// NaN first and elsewhere.
TEST(PoolNd, IndicesAreThoseOfAScan) {
  PoolNd p;
  p.maps = 3;
  p.in[1] = 9, p.in[2] = 11;
  p.kernel[1] = 2, p.kernel[2] = 3;
  for (const int64_t dilation : {1, 2}) {
    for (const int64_t pad : {0, 1}) {
      p.dilation[2] = dilation;
      p.pad_begin[1] = p.pad_begin[2] = p.pad_end[1] = p.pad_end[2] = pad;
      p.stride[2] = 2;
      p.out[1] = 9 + 2 * pad - 1;
      p.out[2] = (11 + 2 * pad - 2 * dilation - 1) / 2 + 1;
      std::vector<float> x(297);
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = i % 11 == 7 ? std::nanf("") : static_cast<float>(i * 7 % 5);
      }
      std::vector<float> y(static_cast<size_t>(3 * p.out[1] * p.out[2]));
      std::vector<int64_t> indices(y.size());
      RunPoolNd<float>(p, x.data(), y.data(), indices.data(), 0, UnitCount(p));
      size_t at = 0;
      for (int64_t map = 0; map < 3; ++map) {
        for (int64_t oy = 0; oy < p.out[1]; ++oy) {
          for (int64_t ox = 0; ox < p.out[2]; ++ox, ++at) {
            int64_t best = -1;
            for (int64_t k = 0; k < 6; ++k) {
              const int64_t iy = oy - pad + k / 3, ix = ox * 2 - pad + k % 3 * dilation;
              if (iy < 0 || iy >= 9 || ix < 0 || ix >= 11) continue;
              const int64_t i = (map * 9 + iy) * 11 + ix;
              const auto value = [&](int64_t index) { return x[static_cast<size_t>(index)]; };
              if (best < 0 || value(i) > value(best)) best = i;
            }
            ASSERT_EQ(indices[at], best) << map << ", " << oy << ", " << ox;
            const float want = x[static_cast<size_t>(best)];
            ASSERT_TRUE(y[at] == want || (std::isnan(y[at]) && std::isnan(want)));
          }
        }
      }
    }
  }
}

TEST(PoolNd, IntegersVolumesAndMapsBeyondTheFirst) {
  const std::vector<uint8_t> x = {3, 200, 1, 7, 9, 8, 255, 0, 4, 4, 4, 4, 4, 4, 4, 5};
  PoolNd p;
  p.maps = 2;
  p.in[0] = p.in[1] = p.in[2] = 2;
  p.kernel[0] = p.kernel[1] = p.kernel[2] = 2;
  std::vector<uint8_t> y(2);
  std::vector<int64_t> indices(2);
  RunPoolNd<uint8_t>(p, x.data(), y.data(), indices.data(), 0, UnitCount(p));
  EXPECT_EQ(y, (std::vector<uint8_t>{255, 5}));
  EXPECT_EQ(indices, (std::vector<int64_t>{6, 15}));
}

TEST(PoolNd, Norms) {
  const std::vector<double> x = {3, -4, 1, 2};
  PoolNd p;
  p.kind = PoolNdKind::kLpNorm;
  p.in[2] = 4;
  p.out[2] = 2;
  p.kernel[2] = 2;
  p.stride[2] = 2;
  std::vector<double> y(2);
  for (const auto& [norm, a, b] : std::vector<std::tuple<int64_t, double, double>>{
           {1, 7, 3}, {2, 5, std::sqrt(5.0)}, {3, std::cbrt(91.0), std::cbrt(9.0)}}) {
    p.norm = norm;
    RunPoolNd<double>(p, x.data(), y.data(), nullptr, 0, UnitCount(p));
    EXPECT_NEAR(y[0], a, 1e-12);
    EXPECT_NEAR(y[1], b, 1e-12);
  }
}

}  // namespace
}  // namespace kinglet::kernels::pool_nd_test
