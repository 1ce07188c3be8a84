// The product under convolutions of codes, with gathered rows of integers:
//
//   sum[p][o] = bias[o] + sum over s, k of in[pixel[p] + step[s] + k] * w[o][s][k]   modulo 2^32
//   out[p][o] = the code of float(sum[p][o]) * scales[o]       (kernels/common/epilogue.h)
//
// P pixels at arbitrary offsets in bytes, O outputs in blocks of 16, S steps of consecutive inputs.
// Inputs are multiplied in groups that fill 32 bits, and a group beyond the end of a step has zero
// weights: pairs of int16 here, quads of bytes in the variants for CPUs that multiply those.
// Layout of weights: [block][step][group][16 outputs], a group in 32 bits; pad outputs hold zeros.
// Out: a pixel's 64 channels are 64 bytes, blocks lie side by side in it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/epilogue.h"

namespace kinglet::kernels {

// Outputs that lie side by side in the weights.
inline constexpr int64_t kDotBlock = 16;
// Blocks that a pixel of the output has.
inline constexpr int64_t kMaxDotBlocks = 4;

struct GatherDots {
  const std::byte* in = nullptr;
  const int64_t* pixel_offsets = nullptr;
  int64_t pixels = 0;
  const int64_t* step_offsets = nullptr;
  int64_t full_steps = 0, full_groups = 0;  // steps of full_groups groups, followed by
  int64_t tail_steps = 0, tail_groups = 0;  // steps of tail_groups
  const int32_t* weights = nullptr;
  // Of quads: what is left of weights that do not fit int8, where there is any. Entry e, for
  // extra_begin[b] <= e < extra_begin[b + 1] of block b, adds group extras[32 e + 1] of step
  // extras[32 e] times the 16 weights at extras[32 e + 16].
  const int32_t* extras = nullptr;
  const int32_t* extra_begin = nullptr;
  // Where too many do not fit: `weights` are halves, which count twice, and here is what is left of
  // each, as they lie. Else null.
  const int32_t* rest = nullptr;
  const int32_t* bias = nullptr;  // 16 for each block
  const float* scales = nullptr;  // 16 for each block
  int64_t blocks = 0;             // at most kMaxDotBlocks
  int32_t* sums = nullptr;        // scratch: [pixels][2 blocks][16]; quads need it for `raw` only
  bool raw = false;  // the sums of at most 2 blocks are left there, nothing is stored in `out`
  uint8_t* out = nullptr;  // the first block of the first pixel
  const Epilogue* epilogue = nullptr;
  // Whether codes are sums times finite scales, in [low, high] without the zero point; else each is
  // what `store_any` stores.
  bool plain = true;
  float low = 0, high = 0;
  void (*store_any)(const Epilogue& e, int32_t sum, float scale, uint8_t* to) noexcept = nullptr;

  int64_t GroupsOfBlock() const { return full_steps * full_groups + tail_steps * tail_groups; }
};

using GatherDotsFn = void (*)(const GatherDots&) noexcept;
// Writes `count` pixels whose channels lie `plane_stride` codes apart, side by side.
using InterleaveFn = void (*)(const uint8_t* from, int64_t plane_stride, int64_t channels,
                              int64_t count, int32_t zero_point, void* to) noexcept;

// What a kind of integer product needs of an instruction set.
struct DotKernels {
  GatherDotsFn product;
  // Writes the first `channels`, a multiple of 16, of `count` pixel blocks, each `step` pixels
  // behind the other, in the form that the product reads; it has 64 channels in a pixel too.
  void (*widen)(const uint8_t* from, int64_t step, int64_t count, int64_t channels,
                int32_t zero_point, void* to) noexcept;
  // The same of pixels in planes.
  InterleaveFn interleave;
};

}  // namespace kinglet::kernels
