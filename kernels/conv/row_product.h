// The product under convolutions of plain tensors, whose vectors lie along the rows of a plane:
//
//   out[o][r][x] = clamp(bias[o] + residual[o][r][x] +
//                        sum over s of w[o][s] * in[step[s] + r * in_row_stride + x])
//
// O outputs, R rows of X pixels, S steps at arbitrary offsets. Register tiles of outputs x vectors;
// outputs are cut evenly into tiles of at most kRowOutputs. Some steps at a time, all outputs go
// over a few vectors before the next ones: what these read stays in the first-level cache.
// Layout of weights: [tile][depth][outputs of the tile], of whose depth the steps are a part.
// Over-read: up to kRowSlack floats behind each row of `in`; nothing else outside the tensors is
// touched. Alignment: that of an element. Aliasing: residual may be out. Numerical bound: see
// kernels/conv/conv.h.
#pragma once

#include <cstdint>

#include "kernels/common/epilogue.h"
#include "kernels/common/partition.h"

namespace kinglet::kernels {

inline constexpr int64_t kRowOutputs = 6;
inline constexpr int64_t kRowSlack = 15;

constexpr int64_t RowTiles(int64_t outputs) { return CeilDiv(outputs, kRowOutputs); }
constexpr Range RowTile(int64_t outputs, int64_t tile) {
  return EvenPart(outputs, RowTiles(outputs), tile);
}

struct RowProduct {
  const float* in = nullptr;
  const int64_t* steps = nullptr;
  int64_t step_count = 0;  // 0: nothing is added to bias and residual
  int64_t shared = 1;      // so many steps read about the same elements
  int64_t rows = 1, cols = 0;
  int64_t in_row_stride = 0, out_row_stride = 0;
  const float* weights = nullptr;  // of output 0
  int64_t depth = 0;               // steps that the weights are packed for
  int64_t first_step = 0;          // the one that steps[0] is
  int64_t outputs = 0;             // that the weights are packed for
  Range tiles = {0, 0};            // which are computed
  // All of the first output that is computed. Null: no bias, no residual.
  const float* bias = nullptr;
  const float* residual = nullptr;
  float* out = nullptr;
  int64_t out_stride = 0;  // from output to output, of the residual as well
  Epilogue epilogue;       // a clamp
};

using RowProductFn = void (*)(const RowProduct&) noexcept;

}  // namespace kinglet::kernels
