// Arrays of numbers in another type: plain loops, compiled for each target, of the pairs of types
// that networks have. What integers do not hold kernels/layout/numbers.h defines; integers keep
// their low bits; a bool is a byte, 0 or 1.
// Alignment: that of the elements. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>

#include "kernels/common/element_type.h"

namespace kinglet::kernels {

// to[i] = from[i] for i < count.
using CastFn = void (*)(const void* from, void* to, size_t count) noexcept;

// For the active target; null where there is none of these two.
CastFn FindCast(ElementType from, ElementType to) noexcept;

}  // namespace kinglet::kernels
