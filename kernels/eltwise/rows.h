// Rows of float32 that are added to others, and put together element by element.
//
// add:         y[r * y_stride + i] += x[r * x_stride + i], r < rows, i < count
// interleave:  y[i * phases + p] = x[p * phase_stride + i], p < phases, i < count; of a
// phase_stride
//              of 0 every element is there so many times; bit by bit
// Alignment: that of the element. Over-read, over-write: none. No overlap. One addition each, exact
// to its rounding.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

struct RowsTable {
  void (*add)(const float* x, int64_t x_stride, int64_t rows, int64_t count, float* y,
              int64_t y_stride) noexcept;
  void (*interleave)(const float* x, int64_t phases, int64_t phase_stride, int64_t count,
                     float* y) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const RowsTable& GetRowsTable() noexcept;

}  // namespace kinglet::kernels
