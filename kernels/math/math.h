// Transcendental functions of float32 arrays, built on xsimd.
//
// y[i] = f(x[i]; a, b) for i in [0, n).
// Alignment: any. Over-read, over-write: none. Aliasing: y may be x; otherwise no overlap.
// Bounds, relative to the exact value, with u = 2^-24: exp, log, tanh, erf, sigmoid, swish,
// softplus, mish, elu, celu, selu 8u; gelu 8u * |x| absolute (it cancels for negative x). Results
// below 2^-125 * (1 + |x|) may be flushed to zero. NaN gives NaN; infinities give the limit, where
// the formula has one.
// Source: xsimd's kernels (after Boost.SIMD and FDLIBM).
#pragma once

#include <cstddef>

namespace kinglet::kernels {

using MathFn = void (*)(const float* x, float* y, size_t n, float a, float b) noexcept;

struct MathTable {
  MathFn exp, log, tanh, erf;
  MathFn sigmoid;    // 1 / (1 + exp(-x))
  MathFn swish;      // x / (1 + exp(-a x))
  MathFn softplus;   // log(1 + exp(x))
  MathFn mish;       // x * tanh(log(1 + exp(x)))
  MathFn gelu;       // x / 2 * (1 + erf(x / sqrt 2))
  MathFn gelu_tanh;  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  MathFn elu;        // x < 0 ? a * (exp(x) - 1) : x
  MathFn celu;       // max(x, 0) + min(0, a * (exp(x / a) - 1))
  MathFn selu;       // b * (x <= 0 ? a * (exp(x) - 1) : x)
  MathFn sin, cos, tan, asin, acos, atan;
  MathFn sinh, cosh, asinh, acosh, atanh;
  // y[i] = exp(x[i] - shift); returns their sum. y may be null: then only the sum is wanted.
  float (*exp_sum)(const float* x, float shift, float* y, size_t n) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const MathTable& GetMathTable() noexcept;

}  // namespace kinglet::kernels
