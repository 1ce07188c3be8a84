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

constexpr int64_t StripFloats(const ConvChain& chain, int64_t strip_rows) {
  return RoundUpToBlock(chain.depthwise.ic) * strip_rows * chain.depthwise.ow;
}
constexpr int64_t RingFloats(const ConvChain& chain, int64_t ring_rows) {
  return chain.expands ? RoundUpToBlock(chain.depthwise.ic) * ring_rows * chain.depthwise.iw : 0;
}

}  // namespace kinglet::kernels
