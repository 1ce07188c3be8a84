// Pictures enlarged by whole factors: every element becomes a rectangle of itself.
//
// y[(r * rows_by + j) * width * columns_by + i * columns_by + k] = x[r * width + i], r < rows,
// i < width, j < rows_by, k < columns_by; bit by bit.
// Alignment: that of the element. Over-read, over-write: none. No overlap.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

struct Enlarge {
  int64_t width;                // of x
  int64_t columns_by, rows_by;  // at least 1
};

using EnlargeFn = void (*)(const Enlarge& e, const void* x, int64_t rows, void* y) noexcept;

// Of elements of 1, 2, 4, 8 or kPixelBytes bytes. Fetch it at plan time.
EnlargeFn GetEnlarge(int64_t element_bytes) noexcept;

}  // namespace kinglet::kernels
