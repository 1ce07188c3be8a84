// Conversion of arrays from one element type to another.
//
// float32 -> bfloat16   rounded to nearest, ties to even; NaN stays NaN
// bfloat16 -> float32   exact
// Alignment: that of the elements. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>

#include "kernels/common/element_type.h"

namespace kinglet::kernels {

struct Conversion {
  const char* id = nullptr;  // "layout/float32_to_bfloat16"
  // to[i] = from[i] for i < count; null: there is no such conversion.
  void (*run)(const void* from, void* to, size_t count) noexcept = nullptr;
};

// For the active target.
Conversion FindConversion(ElementType from, ElementType to) noexcept;

}  // namespace kinglet::kernels
