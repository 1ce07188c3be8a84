// Elements of one of two arrays, as a third one says: plain loops, compiled for each target.
//
// y[i] = condition[i] ? yes[i] : no[i], i < n, bit by bit; `yes` or `no` is one element for all
// where it repeats. Alignment: that of the element. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>

namespace kinglet::kernels {

struct SelectSource {
  const void* values;
  bool repeats;
};

using SelectFn = void (*)(const bool* condition, SelectSource yes, SelectSource no, void* y,
                          size_t n) noexcept;

// For elements of 1, 2, 4 or 8 bytes. Fetch it at plan time.
SelectFn GetSelect(size_t element_bytes) noexcept;

}  // namespace kinglet::kernels
