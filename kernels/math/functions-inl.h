// The array functions for one xsimd architecture A. Everything is in an anonymous namespace: the
// translation units that include this are compiled with different instruction sets, and functions
// of one name would be merged at link. For the same reason they contain nothing else inline.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "kernels/common/unroll.h"
#include "kernels/math/math.h"

namespace kinglet::kernels {
namespace {

// y[i] = f(x[i]) a vector at a time; the rest of an odd length by way of a whole vector of zeros.
template <class B, class F>
void MapArray(const float* x, float* y, size_t n, F f) {
  constexpr size_t kLanes = B::size;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(B::load_unaligned(x + i)).store_unaligned(y + i);
  if (i == n) return;
  float rest[kLanes] = {};
  std::memcpy(rest, x + i, (n - i) * sizeof(float));
  f(B::load_unaligned(rest)).store_unaligned(rest);
  std::memcpy(y + i, rest, (n - i) * sizeof(float));
}

template <class A>
struct Functions {
  using B = xsimd::batch<float, A>;

  static constexpr float kLowestExponent = -86.64f;  // below that exp is 0

  // exp(x) of x moved into [-86.64, 88.8], at whose end it is infinite: twice 2^n * p(r) / 2, |r|
  // <= ln2 / 2, with the polynomial of Cephes' expf. NaN gives anything.
  static B ExpWithin(const B& x) {
    using I = xsimd::batch<int32_t, A>;
    const B magic(12582912.0f);  // in the low bits of a float of this size there is the integer
    const B c = xsimd::min(xsimd::max(x, B(kLowestExponent)), B(88.8f));
    const B shifted = xsimd::fma(c, B(1.44269504088896341f), magic);
    const B n = shifted - magic;
    B r = xsimd::fma(n, B(-0.693359375f), c);
    r = xsimd::fma(n, B(2.12194440e-4f), r);
    B p = xsimd::fma(B(0.5f * 1.9875691500e-4f), r, B(0.5f * 1.3981999507e-3f));
    p = xsimd::fma(p, r, B(0.5f * 8.3334519073e-3f));
    p = xsimd::fma(p, r, B(0.5f * 4.1665795894e-2f));
    p = xsimd::fma(p, r, B(0.5f * 1.6666665459e-1f));
    p = xsimd::fma(p, r, B(0.5f * 5.0000001201e-1f));
    p = xsimd::fma(p, r * r, xsimd::fma(r, B(0.5f), B(0.5f)));
    const I exponent = xsimd::bitwise_cast<I>(shifted) << 23;
    const B half = xsimd::bitwise_cast<B>(xsimd::bitwise_cast<I>(p) + exponent);
    return half + half;
  }
  // AVX-512 has an instruction for p * 2^n, which gives infinity, 0 and NaN where they belong.
  static constexpr bool kScales = std::is_same_v<A, xsimd::avx512bw>;

  // exp of some vectors at once, by that: one alone would wait for each of its products.
  template <size_t kCount>
  static void ExpEach(B (&x)[kCount]) {
    const B magic(12582912.0f);
    B n[kCount], p[kCount];
    const auto each = [](auto f) {
      KINGLET_UNROLL
      for (size_t k = 0; k < kCount; ++k) f(k);
    };
    // Of two operands the second one is taken where one is NaN.
    each([&](size_t k) { x[k] = xsimd::min(B(89.0f), xsimd::max(B(-104.0f), x[k])); });
    each([&](size_t k) { n[k] = xsimd::fma(x[k], B(1.44269504088896341f), magic) - magic; });
    each([&](size_t k) { x[k] = xsimd::fma(n[k], B(-0.693359375f), x[k]); });
    each([&](size_t k) { x[k] = xsimd::fma(n[k], B(2.12194440e-4f), x[k]); });
    each([&](size_t k) { p[k] = xsimd::fma(B(1.9875691500e-4f), x[k], B(1.3981999507e-3f)); });
    each([&](size_t k) { p[k] = xsimd::fma(p[k], x[k], B(8.3334519073e-3f)); });
    each([&](size_t k) { p[k] = xsimd::fma(p[k], x[k], B(4.1665795894e-2f)); });
    each([&](size_t k) { p[k] = xsimd::fma(p[k], x[k], B(1.6666665459e-1f)); });
    each([&](size_t k) { p[k] = xsimd::fma(p[k], x[k], B(5.0000001201e-1f)); });
    each([&](size_t k) { p[k] = xsimd::fma(p[k], x[k] * x[k], x[k] + B(1.0f)); });
    each([&](size_t k) { x[k] = B(_mm512_scalef_ps(p[k], n[k])); });
  }
  static B ExpOf(const B& x) {
    if constexpr (kScales) {
      B v[] = {x};
      ExpEach(v);
      return v[0];
    }
    const B y = xsimd::select(x < B(kLowestExponent), B(0.0f), ExpWithin(x));
    return xsimd::select(x == x, y, x);
  }
  static B SigmoidOf(const B& x) {
    const B y = xsimd::select(x < B(kLowestExponent), B(0.0f), B(1.0f) / (B(1.0f) + ExpWithin(-x)));
    return xsimd::select(x == x, y, x);
  }
  // x * p(x^2) / q(x^2) on [-limit, limit], 1 with x's sign beyond.
  template <size_t kP, size_t kQ>
  static B OddRational(const B& x, float limit, const float (&p)[kP], const float (&q)[kQ]) {
    const B square = x * x;
    B above(p[0]), below(q[0]);
    for (size_t i = 1; i < kP; ++i) above = xsimd::fma(above, square, B(p[i]));
    for (size_t i = 1; i < kQ; ++i) below = xsimd::fma(below, square, B(q[i]));
    const B y = x * above / below;
    return xsimd::select(x > B(limit), B(1.0f), xsimd::select(x < B(-limit), B(-1.0f), y));
  }
  // The rational approximations of Eigen's ptanh and XLA's erf.
  static B TanhOf(const B& v) {
    static constexpr float kAbove[] = {-2.76076847742355e-16f, 2.00018790482477e-13f,
                                       -8.60467152213735e-11f, 5.12229709037114e-08f,
                                       1.48572235717979e-05f,  6.37261928875436e-04f,
                                       4.89352455891786e-03f};
    static constexpr float kBelow[] = {1.19825839466702e-06f, 1.18534705686654e-04f,
                                       2.26843463243900e-03f, 4.89352518554385e-03f};
    return OddRational(v, 7.90531110763549805f, kAbove, kBelow);
  }
  static B ErfOf(const B& v) {
    static constexpr float kAbove[] = {-2.72614225801306e-10f, 2.77068142495902e-08f,
                                       -2.10102402082508e-06f, -5.69250639462346e-05f,
                                       -7.34990630326855e-04f, -2.95459980854025e-03f,
                                       -1.60960333262415e-02f};
    static constexpr float kBelow[] = {-1.45660718464996e-05f, -2.13374055278905e-04f,
                                       -1.68282697438203e-03f, -7.37332916720468e-03f,
                                       -1.42647390514189e-02f};
    return OddRational(v, 4.0f, kAbove, kBelow);
  }

  static void Exp(const float* x, float* y, size_t n, float, float) noexcept {
    if constexpr (kScales) {
      constexpr size_t kCount = 4, kLanes = B::size;
      for (; n >= kCount * kLanes; n -= kCount * kLanes, x += kCount * kLanes) {
        B v[kCount];
        for (size_t k = 0; k < kCount; ++k) v[k] = B::load_unaligned(x + k * kLanes);
        ExpEach(v);
        for (size_t k = 0; k < kCount; ++k, y += kLanes) v[k].store_unaligned(y);
      }
    }
    MapArray<B>(x, y, n, [](const B& v) { return ExpOf(v); });
  }
  static void Log(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) { return xsimd::log(v); });
  }
  static void Tanh(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) { return TanhOf(v); });
  }
  static void Erf(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) { return ErfOf(v); });
  }
  static void Sigmoid(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) { return SigmoidOf(v); });
  }
  static void Swish(const float* x, float* y, size_t n, float a, float) noexcept {
    MapArray<B>(x, y, n, [a](const B& v) { return v * SigmoidOf(v * B(a)); });
  }
  static void Softplus(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) {
      const B positive = xsimd::select(v > B(0.0f), v, B(0.0f));
      return positive + xsimd::log1p(xsimd::exp(-xsimd::abs(v)));
    });
  }
  // With e = exp(x), tanh(log(1 + e)) = (e^2 + 2e) / (e^2 + 2e + 2), which is 1 from x = 20 on.
  static void Mish(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) {
      const auto large = v > B(20.0f);
      const B e = xsimd::exp(xsimd::select(large, B(20.0f), v));
      const B t = e * (e + B(2.0f));
      return xsimd::select(large, v, v * (t / (t + B(2.0f))));
    });
  }
  static void Gelu(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n,
                [](const B& v) { return B(0.5f) * v * (B(1.0f) + ErfOf(v * B(0.707106781f))); });
  }
  static void GeluTanh(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) {
      const B inner = B(0.797884561f) * (v + B(0.044715f) * v * v * v);
      return B(0.5f) * v * (B(1.0f) + TanhOf(inner));
    });
  }
  static void Elu(const float* x, float* y, size_t n, float a, float) noexcept {
    MapArray<B>(x, y, n,
                [a](const B& v) { return xsimd::select(v < B(0.0f), B(a) * xsimd::expm1(v), v); });
  }
  static void Celu(const float* x, float* y, size_t n, float a, float) noexcept {
    MapArray<B>(x, y, n, [a](const B& v) {
      const B below = B(a) * xsimd::expm1(v / B(a)), zero(0.0f);
      const B sum = xsimd::select(v > zero, v, zero) + xsimd::select(below < zero, below, zero);
      return xsimd::select(v == v, sum, v);
    });
  }
  static void Selu(const float* x, float* y, size_t n, float a, float b) noexcept {
    MapArray<B>(x, y, n, [a, b](const B& v) {
      return B(b) * xsimd::select(v < B(0.0f), B(a) * xsimd::expm1(v), v);
    });
  }

#define KINGLET_XSIMD_FUNCTION(Name, name)                                      \
  static void Name(const float* x, float* y, size_t n, float, float) noexcept { \
    MapArray<B>(x, y, n, [](const B& v) { return xsimd::name(v); });            \
  }
  KINGLET_XSIMD_FUNCTION(Sin, sin)
  KINGLET_XSIMD_FUNCTION(Cos, cos)
  KINGLET_XSIMD_FUNCTION(Tan, tan)
  KINGLET_XSIMD_FUNCTION(Asin, asin)
  KINGLET_XSIMD_FUNCTION(Acos, acos)
  KINGLET_XSIMD_FUNCTION(Atan, atan)
  KINGLET_XSIMD_FUNCTION(Sinh, sinh)
  KINGLET_XSIMD_FUNCTION(Cosh, cosh)
  KINGLET_XSIMD_FUNCTION(Asinh, asinh)
  KINGLET_XSIMD_FUNCTION(Atanh, atanh)
#undef KINGLET_XSIMD_FUNCTION
  // xsimd's has values below 1.
  static void Acosh(const float* x, float* y, size_t n, float, float) noexcept {
    MapArray<B>(x, y, n, [](const B& v) {
      return xsimd::select(v < B(1.0f), B(__builtin_nanf("")), xsimd::acosh(v));
    });
  }

  static float ExpSum(const float* x, float shift, float* y, size_t n) noexcept {
    constexpr size_t kLanes = B::size;
    const B s(shift);
    B even(0.0f), odd(0.0f);
    size_t i = 0;
    const auto step = [&](size_t at) {
      const B e = ExpOf(B::load_unaligned(x + at) - s);
      if (y != nullptr) e.store_unaligned(y + at);
      return e;
    };
    for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
      even = even + step(i);
      odd = odd + step(i + kLanes);
    }
    for (; i + kLanes <= n; i += kLanes) even = even + step(i);
    float lanes[kLanes] = {};
    (even + odd).store_unaligned(lanes);
    float sum = 0.0f;
    for (size_t k = 0; k < kLanes; ++k) sum += lanes[k];
    if (i == n) return sum;
    std::memcpy(lanes, x + i, (n - i) * sizeof(float));
    ExpOf(B::load_unaligned(lanes) - s).store_unaligned(lanes);
    for (size_t k = 0; k < n - i; ++k) sum += lanes[k];
    if (y != nullptr) std::memcpy(y + i, lanes, (n - i) * sizeof(float));
    return sum;
  }

  static constexpr MathTable kTable = {
      Exp, Log, Tanh, Erf,  Sigmoid, Swish, Softplus, Mish, Gelu,  GeluTanh, Elu,   Celu,  Selu,
      Sin, Cos, Tan,  Asin, Acos,    Atan,  Sinh,     Cosh, Asinh, Acosh,    Atanh, ExpSum};
};

}  // namespace
}  // namespace kinglet::kernels
