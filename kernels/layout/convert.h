// Conversion of arrays from one element type to another.
//
// float32 -> float16, bfloat16   rounded to nearest, ties to even; NaN stays NaN, with the bits
// that
//                                kernels/common/half.h gives it
// float16, bfloat16 -> float32   exact
// Alignment: that of the elements. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/element_type.h"

namespace kinglet::kernels {

struct Conversion {
  const char* id = nullptr;  // "layout/float32_to_bfloat16"
  // to[i] = from[i] for i < count; null: there is no such conversion.
  void (*run)(const void* from, void* to, size_t count) noexcept = nullptr;
};

// For the active target.
Conversion FindConversion(ElementType from, ElementType to) noexcept;

// Blocked images {N, C, H, W} of one type as blocked images of the other: pixels of 16 float32 and
// of 32 bfloat16. Pad lanes become zero. Alignment: 64 bytes. Work units: (n, 32 channels, row).
struct BlockedConversion {
  const char* id = nullptr;  // "layout/blocked_float32_to_bfloat16"
  void (*run)(int64_t channels, int64_t h, int64_t w, const void* from, void* to, int64_t begin,
              int64_t end) noexcept = nullptr;  // null: there is none between these two
};
BlockedConversion FindBlockedConversion(ElementType from, ElementType to) noexcept;
int64_t BlockedConversionUnits(int64_t n, int64_t channels, int64_t h) noexcept;

}  // namespace kinglet::kernels
