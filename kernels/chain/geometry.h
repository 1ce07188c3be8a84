// Sizes of what a chain keeps in scratch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/chain/chain.h"
#include "kernels/common/blocked.h"

namespace kinglet::kernels {

// Input rows under one output row.
constexpr int64_t SpannedRows(const ConvShape& s) { return int64_t{s.kh - 1} * s.dh + 1; }

// Expanded rows under `strip_rows` output rows, no more than there are.
constexpr int64_t RingRows(const ConvChain& chain, int64_t strip_rows) {
  const ConvShape& s = chain.depthwise;
  return chain.expands ? std::min((strip_rows - 1) * s.sh + SpannedRows(s), s.ih) : 0;
}

// Pixel blocks of `channels`, each of which takes as much as 16 floats whatever the type.
constexpr int64_t PixelBlocks(const ConvChain& chain, int64_t channels) {
  return BlockCount(channels, PixelBlock(chain.stored));
}
constexpr int64_t StripFloats(const ConvChain& chain, int64_t strip_rows) {
  const ConvShape& s = chain.depthwise;
  return PixelBlocks(chain, s.ic) * kBlock * strip_rows * s.ow;
}
constexpr int64_t RingFloats(const ConvChain& chain, int64_t ring_rows) {
  const ConvShape& s = chain.depthwise;
  return chain.expands ? PixelBlocks(chain, s.ic) * kBlock * ring_rows * s.iw : 0;
}

}  // namespace kinglet::kernels
