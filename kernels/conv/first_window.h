// What first layers on matrix tiles copy of a picture, and where in scratch they keep it: pixels of
// four channels, so that the inputs of a kernel row are consecutive values and those of the next
// output pixel lie a stride of pixels further.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/tile_weights.h"

namespace kinglet::kernels {

inline constexpr int64_t kFirstChannels = 4;

struct FirstWindow {
  // A pixel takes `pixel_bytes`; `channel_bytes` are kept for each output channel.
  FirstWindow(const ConvShape& s, int64_t bytes_of_pixel, int64_t channel_bytes)
      : pixel_bytes(bytes_of_pixel), s_(s) {
    constexpr int64_t kEnoughParts = 32;
    constexpr int64_t kMinPartPixels = 256;
    constexpr int64_t kMostPixels = 1 << 15;  // of a copied window, about
    pitch = (s.ow - 1) * s.sw + s.kw;
    const int64_t worthwhile = std::clamp<int64_t>(s.oh * s.ow / kMinPartPixels, 1, kEnoughParts);
    const int64_t rows = std::max<int64_t>(kMostPixels / pitch / s.sh, 1);
    parts = std::min(s.oh, std::max(worthwhile, CeilDiv(s.oh, rows)));
    const int64_t most = CeilDiv(s.oh, parts);
    const int64_t tiles = most * CeilDiv(s.ow, kTileRows);
    slack_bytes = RoundUpToLine((kTileRows * s.sw + s.kw) * pixel_bytes);
    channels_at = 2 * kTileSumBytes;
    steps_at = channels_at + RoundUpToLine(RoundUpToBlock(s.oc, kTileChannels) * channel_bytes);
    tile_in_at = steps_at + RoundUpToLine(int64_t{s.kh} * 8);
    tile_out_at = tile_in_at + RoundUpToLine(tiles * 8);
    pixels_at = tile_out_at + tiles * kTileRows * 4;
    scratch_bytes = static_cast<size_t>(
        pixels_at + RoundUpToLine(Rows(most) * pitch * pixel_bytes) + slack_bytes);
  }

  // Whether what one output row needs is of sensible size.
  static bool Fits(const ConvShape& s, int64_t bytes_of_pixel) {
    constexpr double kMostBytes = 64 << 20;
    const double rows = static_cast<double>(s.kh - 1) * s.dh + 1;
    const double columns = static_cast<double>(s.ow - 1) * s.sw + s.kw;
    return rows * columns * static_cast<double>(bytes_of_pixel) <= kMostBytes;
  }

  // Of the picture, that `rows` output rows need.
  int64_t Rows(int64_t rows) const { return (rows - 1) * s_.sh + int64_t{s_.kh - 1} * s_.dh + 1; }

  const int64_t pixel_bytes;
  int64_t parts = 1;  // of the output rows
  int64_t pitch = 0;  // pixels of a copied row
  int64_t slack_bytes = 0;
  int64_t channels_at = 0, steps_at = 0, tile_in_at = 0, tile_out_at = 0, pixels_at = 0;
  size_t scratch_bytes = 0;

 private:
  const ConvShape& s_;
};

// Index in {OC, IC, KH, KW} of a weight of the step of kernel row `row` and the 32 outputs from
// `out` on: inputs are columns times four channels. -1 where there is none.
inline int64_t FirstWeightIndex(const ConvShape& s, int64_t out, int64_t row, const InStep& at) {
  const int64_t channel = at.in % kFirstChannels;
  const int64_t column = at.in / kFirstChannels;
  if (out + at.out >= s.oc || channel >= s.ic || column >= s.kw) return -1;
  return (((out + at.out) * s.ic + channel) * s.kh + row) * s.kw + column;
}

}  // namespace kinglet::kernels
