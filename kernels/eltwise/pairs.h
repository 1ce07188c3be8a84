// Element-wise operations on pixels of 32 bfloat16 (kernels/common/blocked.h), computed in float32
// and rounded once, to nearest even.
//
//   unary      y = f(x)
//   add, mul   y = f(a + b), y = f(a * b), b being pixels too, or one pixel's channels for all
//
// f is an activation. The lanes from `channels` on of each pixel become zero.
// Alignment: 4 bytes. Over-read, over-write: none. Aliasing: y may be x, a or b where that is
// pixels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/epilogue.h"

namespace kinglet::kernels {

using UnaryPairsFn = void (*)(const Epilogue& f, const void* x, void* y, size_t pixels,
                              int64_t channels) noexcept;
// `b_step`: 1 where b is pixels, 0 where it is one pixel.
using BinaryPairsFn = void (*)(const Epilogue& f, const void* a, const void* b, size_t b_step,
                               void* y, size_t pixels, int64_t channels) noexcept;

// Functions for the active target. Fetch them at plan time.
struct PairsTable {
  UnaryPairsFn unary;
  BinaryPairsFn add, mul;
};
const PairsTable& GetPairsTable() noexcept;

}  // namespace kinglet::kernels
