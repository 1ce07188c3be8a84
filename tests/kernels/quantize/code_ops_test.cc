#include "kernels/quantize/code_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/support/targets.h"

namespace kinglet::kernels {
namespace {

template <typename T>
std::vector<T> Codes(size_t n, uint32_t seed) {
  std::vector<T> codes(n);
  for (T& code : codes)
    code = static_cast<T>(static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24));
  return codes;
}

template <typename T>
T Saturated(float v) {
  const float low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
  return static_cast<T>(std::nearbyint(std::clamp(v, low, high)));
}

template <typename T>
void ExpectSumsAndProducts() {
  const CodeOps& ops = GetCodeOps(std::numeric_limits<T>::is_signed);
  const CodeSum sums[] = {{0.71f, 0.43f, -11.25f}, {0.5f, 0.5f, 0}, {3.7f, -1.9f, 20}};
  const CodeProduct products[] = {{3, -7, 0.0123f, 12}, {128, 0, 0.0078125f, 0.0f}, {0, 0, 2, -5}};
  for (const size_t n : {1U, 7U, 8U, 9U, 31U, 64U, 65U, 200U}) {
    for (const size_t step : {0U, 1U}) {
      const auto x = Codes<T>(n, 1), y = Codes<T>(n, 2);
      for (int k = 0; k < 3; ++k) {
        const CodeSum& s = sums[k];
        const CodeProduct& p = products[k];
        std::vector<T> sum(n + 1, T{77}), product(n + 1, T{77});
        ops.sum(s, x.data(), y.data(), step, sum.data(), n);
        ops.product(p, x.data(), y.data(), step, product.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const auto a = static_cast<float>(x[i]), b = static_cast<float>(y[i * step]);
          ASSERT_EQ(sum[i],
                    Saturated<T>(std::fma(a, s.x_ratio, std::fma(b, s.y_ratio, s.constant))))
              << n << ", " << i;
          const float whole = static_cast<float>((x[i] - p.x_zero) * (y[i * step] - p.y_zero));
          volatile float scaled = whole * p.ratio;  // no fused multiply-add
          ASSERT_EQ(product[i], Saturated<T>(scaled + p.z_zero)) << n << ", " << i;
        }
        EXPECT_EQ(sum[n], T{77});
        EXPECT_EQ(product[n], T{77});
        // In place.
        std::vector<T> same = x;
        ops.sum(s, same.data(), y.data(), step, same.data(), n);
        sum.pop_back();
        EXPECT_EQ(same, sum);
      }
    }
  }
}

TEST(CodeOps, SumsAndProductsAreThoseOfTheDefinition) {
  testing::ForEachTarget([] {
    ExpectSumsAndProducts<uint8_t>();
    ExpectSumsAndProducts<int8_t>();
  });
}

template <typename T>
void ExpectBlends() {
  const CodeOps& ops = GetCodeOps(std::numeric_limits<T>::is_signed);
  const CodeBlend blends[] = {{{9216, 3072, 3072, 1024}, 3, -7, 1.0f / 16384},
                              {{16384, 0, 0, 0}, 0, 0, 1.0f / 16384},
                              {{4096, 4096, 4096, 4096}, -100, 27, 0.71f / 16384},
                              {{1, 16382, 1, 0}, 77, 5, 3.1f / 16384}};
  for (const size_t n : {1U, 7U, 8U, 9U, 64U, 65U}) {
    const auto a = Codes<T>(n, 1), b = Codes<T>(n, 2), c = Codes<T>(n, 3), d = Codes<T>(n, 4);
    for (const CodeBlend& blend : blends) {
      if (!std::numeric_limits<T>::is_signed && (blend.x_zero < 0 || blend.z_zero < 0)) continue;
      std::vector<T> made(n + 1, T{77});
      ops.blend(blend, {a.data(), b.data(), c.data(), d.data()}, made.data(), n);
      for (size_t i = 0; i < n; ++i) {
        const T codes[4] = {a[i], b[i], c[i], d[i]};
        int32_t sum = 0;
        for (size_t k = 0; k < 4; ++k) sum += blend.weights[k] * (codes[k] - blend.x_zero);
        const float scaled = static_cast<float>(sum) * blend.ratio;
        const float low = static_cast<float>(std::numeric_limits<T>::lowest() - blend.z_zero);
        const float high = static_cast<float>(std::numeric_limits<T>::max() - blend.z_zero);
        const float steps = std::nearbyint(std::clamp(scaled, low, high));
        ASSERT_EQ(made[i], static_cast<T>(static_cast<int32_t>(steps) + blend.z_zero))
            << n << ", " << i;
      }
      EXPECT_EQ(made[n], T{77});
    }
  }
}

TEST(CodeOps, BlendsAreThoseOfTheDefinition) {
  testing::ForEachTarget([] {
    ExpectBlends<uint8_t>();
    ExpectBlends<int8_t>();
  });
}

TEST(CodeOps, EveryCodeIsLookedUp) {
  testing::ForEachTarget([] {
    const auto table = Codes<uint8_t>(256, 5);
    for (const size_t n : {0U, 1U, 31U, 32U, 33U, 256U, 300U}) {
      std::vector<uint8_t> x(n);
      for (size_t i = 0; i < n; ++i) x[i] = static_cast<uint8_t>(i * 7);
      std::vector<uint8_t> y(n + 1, 77);
      GetLookUp()(table.data(), x.data(), y.data(), n);
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], table[x[i]]) << n << ", " << i;
      EXPECT_EQ(y[n], 77);
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels
