// The product under convolution and small matrix products, with gathered rows:
//
//   out[p][o] = act(bias[o] + residual[p][o] + sum over s, c of in[pixel[p] + step[s] + c] *
//   w[o][s][c])
//
// P pixels (rows) at arbitrary offsets, O outputs in blocks of 16, S steps of up to 16 consecutive
// inputs each. Register tiles of pixels x blocks; every width up to the largest is generated and
// the pixels are split evenly among the tiles, because a wide tile with a narrow rest wastes most.
// Layout of weights: [block][step][c][16 outputs]; pad outputs hold zeros. Out and residual: pixels
// `out_pixel_stride` floats apart, blocks `out_block_stride` apart. Without any step the sum is
// zero. Aliasing: residual may be out. Numerical bound: see kernels/conv/conv.h.
#pragma once

#include <cstdint>

#include "kernels/common/epilogue.h"

namespace kinglet::kernels {

struct GatherGemm {
  const float* in = nullptr;
  const int64_t* pixel_offsets = nullptr;
  int64_t pixels = 0;
  const int64_t* step_offsets = nullptr;
  int64_t full_steps = 0;  // steps of 16 channels, followed by
  int64_t tail_steps = 0;  // steps of tail_channels
  int64_t tail_channels = 0;
  // Not 0: the halves of each full block read inputs of their own. The weights of that many tail
  // steps are zero for the second half of the outputs, those of the others for the first half;
  // there are no full steps.
  int64_t first_half_steps = 0;
  const float* weights = nullptr;
  // Those of the next call, where they do not lie behind these; may be null.
  const float* weights_after = nullptr;
  const float* bias = nullptr;      // 16 for each block; may be null
  const float* residual = nullptr;  // may be null
  float* out = nullptr;
  int64_t out_pixel_stride = 16;
  int64_t out_block_stride = 0;
  int64_t blocks = 0;
  int64_t last_lanes = 16;  // outputs of the last block
  // True: pad lanes of the last block are stored as zeros (pixels are 16 floats apart then, or a
  // multiple of it). False: they are not stored.
  bool store_pad_lanes = true;
  Epilogue epilogue;
};

using GatherGemmFn = void (*)(const GatherGemm&) noexcept;

// For the active target.
GatherGemmFn ResolveGatherGemm();

}  // namespace kinglet::kernels
