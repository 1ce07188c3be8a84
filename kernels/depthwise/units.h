// Work units of depthwise convolution: channel blocks x parts of the output rows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {

inline int64_t DepthwiseRowParts(const ConvShape& s, int64_t block = kBlock) {
  constexpr int64_t kEnoughUnits = 32;
  constexpr int64_t kMinPixels = 128;
  const int64_t worthwhile = std::max<int64_t>(1, s.oh * s.ow / kMinPixels);
  const int64_t wanted = CeilDiv(kEnoughUnits, BlockCount(s.ic, block));
  return std::min({s.oh, worthwhile, wanted});
}

inline int64_t DepthwiseUnits(const ConvShape& s) {
  return s.n * BlockCount(s.ic) * DepthwiseRowParts(s);
}

}  // namespace kinglet::kernels
