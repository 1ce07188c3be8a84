// Arithmetic of arrays of integers of 32 and 64 bits: plain loops, compiled for each target, of
// what the baseline has no vectors for.
//
// y[i] = op(a[i * a_stride], b[i * b_stride]), i < n, where the strides are 0 or 1. Products wrap
// around. Quotients are cut towards zero; what is divided by zero gives zero, and the least integer
// by -1 itself. Equality gives a byte, 1 or 0.
// Alignment: that of the elements. Over-read, over-write: none. Aliasing: y may be a or b.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

enum class IntegerOp { kMul, kDiv, kEqual };

using IntegerFn = void (*)(const void* a, int64_t a_stride, const void* b, int64_t b_stride,
                           void* y, int64_t n) noexcept;

// For the active target, of signed or unsigned integers of so many bytes; null where there is none,
// as of quotients other than int32. Fetch it at plan time.
IntegerFn FindIntegers(IntegerOp op, bool is_signed, int64_t bytes) noexcept;

}  // namespace kinglet::kernels
