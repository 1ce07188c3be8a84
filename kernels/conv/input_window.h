// A rectangle of input positions with everything outside the input in it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/conv.h"

namespace kinglet::kernels {

// Row r is y0 + r * row_step.
struct InputWindow {
  int64_t y0, x0, rows, cols, row_step;
};

// The columns of a window: `left` before the input, `valid` in it, `right` behind.
struct WindowColumns {
  int64_t left, valid, right;
};

inline WindowColumns ColumnsOf(const ConvShape& s, const InputWindow& w) {
  const int64_t left = std::clamp<int64_t>(-w.x0, 0, w.cols);
  const int64_t valid = std::clamp<int64_t>(s.iw - w.x0, left, w.cols) - left;
  return {left, valid, w.cols - left - valid};
}

}  // namespace kinglet::kernels
