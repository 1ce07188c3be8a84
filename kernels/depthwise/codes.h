// Shapes, units and packed weights of depthwise convolutions of codes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {

// Work units: blocks of 64 channels x parts of the output rows.
inline int64_t CodeRowParts(const ConvShape& s) {
  constexpr int64_t kEnoughUnits = 32;
  constexpr int64_t kMinPixels = 64;
  const int64_t worthwhile = std::max<int64_t>(1, s.oh * s.ow / kMinPixels);
  const int64_t wanted = CeilDiv(kEnoughUnits, BlockCount(s.ic, kPixelBytes));
  return std::min({s.oh, worthwhile, wanted});
}

inline int64_t CodeDepthwiseUnits(const ConvShape& s) {
  return s.n * BlockCount(s.ic, kPixelBytes) * CodeRowParts(s);
}

// Kernels that are computed by pairs of their rows.
inline bool HasPairs(const ConvShape& s) {
  return (s.kw == 3 || s.kw == 5) && s.kh == s.kw && s.sw <= 2 && s.dh == 1 && s.dw == 1;
}
inline int64_t RowPairs(const ConvShape& s) { return (s.kh + 1) / 2; }

// The order in which interleaving leaves 16 channels, 8 of each 16 bytes: four by four in the lower
// and in the upper vector by turns.
constexpr int64_t PlaceOf(int64_t channel) {
  const bool upper = channel % 8 >= 4;
  return channel / 8 * 4 + channel % 4 + (upper ? 8 : 0);
}

// Packed weights of 64 channels: int16 by taps, and by pairs of rows, with the sums of each
// channel's weights (int32) behind.
inline int64_t PackedBlockBytes(const ConvShape& s) {
  const int64_t plain = s.kh * s.kw * kPixelBytes * 2;
  if (!HasPairs(s)) return plain;
  return plain + RowPairs(s) * s.kw * kPixelBytes * 4 + kPixelBytes * 4;
}

}  // namespace kinglet::kernels
