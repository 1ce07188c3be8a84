// Shapes, units and packed weights of depthwise convolutions of codes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
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

// Convolutions that are computed by pairs of input rows.
inline bool HasPairs(const ConvShape& s) {
  return (s.kw == 3 || s.kw == 5) && s.kh == s.kw && s.sh == s.sw && s.sw <= 2 && s.dh == 1 &&
         s.dw == 1;
}
inline int64_t RowPairs(const ConvShape& s) { return (s.kh + 1) / 2; }

inline constexpr int64_t kCodes = kPixelBytes;  // channels of a block

// What a plane knows of its channels.
struct CodeBlock {
  const uint8_t* in;       // the plane
  const int16_t* weights;  // [tap][64]
  const int16_t* pair_weights;
  const int32_t* weight_sums;
  std::array<int32_t, kCodes> bias;
  std::array<float, kCodes> scales;
  int64_t valid;  // channels
  bool plain;     // the epilogue is a multiplication by finite scales
};

// ---- Stride 1.

// Channels whose pairs lie together in packed weights.
inline constexpr int64_t kPairedChannels = 32;
// Columns of outputs that are computed from pairs in scratch, and pairs of rows of a window, at
// most.
inline constexpr int64_t kStrip = 16;
inline constexpr int64_t kMostPairs = 3;

// Elements of the weights of kPairedChannels: of a row of outputs, of a tap and of all taps of
// pairs of rows.
inline constexpr int64_t kRowWeights = kPairedChannels * 2;
inline constexpr int64_t kTapWeights = 2 * kRowWeights;
constexpr int64_t PairedWeights(int64_t k) { return (k + 1) / 2 * k * kTapWeights; }

// Where a channel of kPairedChannels lies: of each 16, which are 128 bits of codes, the even ones
// come before the odd ones, in four parts of four; the parts of all 16 lie side by side.
constexpr int64_t PlaceOf(int64_t channel) {
  const int64_t in_16 = channel % 16;
  const int64_t part = in_16 % 2 * 2 + in_16 / 8;
  return part * (kPairedChannels / 4) + channel / 16 * 4 + in_16 / 2 % 4;
}

// ---- Stride 2.

// The order in which interleaving leaves 16 channels, 8 of each 16 bytes: four by four in the lower
// and in the upper vector by turns.
constexpr int64_t RowPlaceOf(int64_t channel) {
  const bool upper = channel % 8 >= 4;
  return channel / 8 * 4 + channel % 4 + (upper ? 8 : 0);
}

// ---- Both.

// Sums of a strip and its pairs; or a row of pixels that are outside of the input.
inline size_t PairedScratch(const ConvShape& s) {
  if (!HasPairs(s)) return 0;
  if (s.sw == 2) return static_cast<size_t>(s.iw * kPixelBytes);
  return static_cast<size_t>(kPairedChannels * 4 * (kStrip + kMostPairs * (kStrip - 1 + s.kw)));
}

// Packed weights of 64 channels: int16 by taps, and by pairs of rows, with the sums of each
// channel's weights (int32) behind.
inline int64_t PackedBlockBytes(const ConvShape& s) {
  const int64_t plain = s.kh * s.kw * kPixelBytes * 2;
  if (!HasPairs(s)) return plain;
  const int64_t pairs = s.sw == 1 ? kPixelBytes / kPairedChannels * PairedWeights(s.kh)
                                  : RowPairs(s) * s.kw * kPixelBytes * 2;
  return plain + pairs * 2 + kPixelBytes * 4;
}

}  // namespace kinglet::kernels
