// Elements that indices name: plain loops, compiled for each target.
//
// y[i] = x[i * step + at * stride], i < count, where at is indices[i], or that plus `size` where it
// is negative. Alignment: that of the elements. Over-read, over-write: none. No overlap.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

struct Pick {
  int64_t size;    // indices lie in [-size, size)
  int64_t stride;  // elements from one index to the next one
  int64_t step;    // elements from one result to the next one
};

// False, and nothing is read of x, where an index is out of its range.
using PickFn = bool (*)(const Pick& pick, const void* x, const void* indices, int64_t count,
                        void* y) noexcept;

// Of elements of 1, 2, 4 or 8 bytes, by indices of int32 or int64. Fetch it at plan time.
PickFn GetPick(int64_t element_bytes, bool wide_indices) noexcept;

}  // namespace kinglet::kernels
