// Output rows of a depthwise convolution, as conv/depthwise_f32 and chains of convolutions compute
// them.
#pragma once

#include <cstdint>

#include "kernels/common/epilogue.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels {

// Rows of `blocks` consecutive channel blocks. Rows of a block lie side by side; residual and
// output have the same strides.
struct DepthwiseRows {
  // Input row y is number y % in_rows: of the whole plane (in_rows = IH), or of a ring that holds
  // the rows that the kernel spans at least.
  const float* in = nullptr;
  int64_t in_rows = 0;
  int64_t in_block_stride = 0;
  const float* weights = nullptr;   // [block][tap][16]
  const float* bias = nullptr;      // [block][16], or null
  const float* residual = nullptr;  // of the first row, or null
  float* out = nullptr;             // the first row
  int64_t out_block_stride = 0;
  int64_t blocks = 1;
  Range rows = {0, 0};
  int64_t last_lanes = 16;       // of the last block; those beyond are stored as zeros
  const float* zeros = nullptr;  // of pairs of bfloat16: IW pixels
  Epilogue epilogue;
};

using DepthwiseRowsFn = void (*)(const ConvShape&, const DepthwiseRows&) noexcept;

// For the active target.
DepthwiseRowsFn ResolveDepthwiseRows();

}  // namespace kinglet::kernels
