// Softmax and its logarithm along one axis of float32.
//
// softmax: y[i] = exp(x[i] - m) / sum_j exp(x[j] - m); log: y[i] = x[i] - m - log(sum_j exp(x[j] -
// m)), with m = max_j x[j].
// Shapes: x and y are {outer, axis, inner}, the axis in the middle; inner is 1 when it is the last.
// Work units: rows (outer) when inner is 1, else (outer, tile of 64 neighbours of inner).
// Alignment: any. Over-read, over-write: none. Aliasing: y may be x; otherwise no overlap.
// Bounds: softmax (16 + 2 |x - m| + axis) * 2^-24 relative; logarithm (4 |y| + axis + 16) * 2^-24
// absolute. Results below 2^-125 may be flushed to zero. A line that holds NaN, +infinity or
// nothing but -infinity gives NaN; -infinity beside finite values gives 0 (its logarithm
// -infinity).
#pragma once

#include <cstdint>

namespace kinglet::kernels {

struct Softmax {
  int64_t outer, axis, inner;
  bool log = false;
};

int64_t UnitCount(const Softmax& s) noexcept;

using SoftmaxFn = void (*)(const Softmax& s, const float* x, float* y, int64_t begin,
                           int64_t end) noexcept;
// The function for the active target. Fetch it at plan time.
SoftmaxFn GetSoftmax() noexcept;

}  // namespace kinglet::kernels
