// Element-wise operations on 8-bit codes.
//
//   look up   y[i] = table[x[i]], x by its bits
//   sum       z[i] = saturate(round(fma(x[i], x_ratio, fma(y[i], y_ratio, constant))))
//   product   z[i] = saturate(round(float((x[i] - x_zero) * (y[i] - y_zero)) * ratio + z_zero))
//   blend     z[i] = saturate(round(float(sum over k of w[k] * (x[k][i] - x_zero)) * ratio) +
//   z_zero)
//
// in float32, each fma rounded once and nothing else fused, halves to even, saturated to the type:
// the same bits on every target. Any alignment; nothing outside of the arrays is read or written.
// z may be x or y; nothing else may overlap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

struct CodeSum {
  float x_ratio = 1, y_ratio = 1, constant = 0;
};

struct CodeProduct {
  int32_t x_zero = 0, y_zero = 0;
  float ratio = 1, z_zero = 0;
};

// Of four weights that are not negative; their sum is below 2^15.
struct CodeBlend {
  int32_t weights[4] = {};
  int32_t x_zero = 0, z_zero = 0;
  float ratio = 1;
};

// Of uint8 or int8.
struct CodeOps {
  // `y_step` is 1, or 0 where y is one value.
  void (*sum)(const CodeSum& s, const void* x, const void* y, size_t y_step, void* z,
              size_t n) noexcept;
  void (*product)(const CodeProduct& p, const void* x, const void* y, size_t y_step, void* z,
                  size_t n) noexcept;
  void (*blend)(const CodeBlend& b, const void* const (&x)[4], void* z, size_t n) noexcept;
};

using LookUpFn = void (*)(const void* table, const void* x, void* y, size_t n) noexcept;

// For the active target. Fetch them at plan time.
const CodeOps& GetCodeOps(bool is_signed) noexcept;
LookUpFn GetLookUp() noexcept;

}  // namespace kinglet::kernels
