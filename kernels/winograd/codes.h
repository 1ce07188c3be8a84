// conv/winograd2_u8: exact convolution of codes by Winograd's F(2x2, 3x3) (Lavin and Gray 2016,
// arXiv:1509.09308) in integers. With G doubled in both directions the transformed weights are
// integers, at most 9 * 255, the transformed inputs at most 4 * 255, both int16; the sums of their
// products are exact modulo 2^32, and so is what they are transformed back to, four times the
// convolution's sum: where that fits int32, a shift by two gives the sum itself.
#pragma once

#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/gather_dots.h"

namespace kinglet::kernels {

inline constexpr int64_t kCodePoints = 16;

// Tiles of 2x2 outputs of an image and how they are cut: units are parts of the tiles for parts of
// the blocks of 64 output channels, and a strip is as many tiles as are transformed together.
struct CodeTiles {
  int64_t rows, cols;
  int64_t tile_parts, block_parts;
  int64_t strip;
  int64_t channels;  // of transformed inputs, padded
};
CodeTiles CutCodeTiles(const ConvShape& s);

// [oc / 16][16 points][pair of input channels][16 oc], as GatherDots reads them.
inline int64_t CodePointGroups(const ConvShape& s) { return CeilDiv(s.ic, 2) * kDotBlock; }

}  // namespace kinglet::kernels
