// What conv/tiles_first_bf16 copies of a picture, and where in scratch it keeps it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/tile_job.h"

namespace kinglet::kernels {

inline constexpr int64_t kFirstChannels = 4;
inline constexpr int64_t kFirstPixelBytes = 2 * kFirstChannels;

struct FirstWindow {
  explicit FirstWindow(const ConvShape& s) : s_(s) {
    constexpr int64_t kEnoughParts = 32;
    constexpr int64_t kMinPartPixels = 256;
    constexpr int64_t kMostPixels = 1 << 15;  // of a copied window, about
    pitch = (s.ow - 1) * s.sw + s.kw;
    const int64_t worthwhile = std::clamp<int64_t>(s.oh * s.ow / kMinPartPixels, 1, kEnoughParts);
    const int64_t rows = std::max<int64_t>(kMostPixels / pitch / s.sh, 1);
    parts = std::min(s.oh, std::max(worthwhile, CeilDiv(s.oh, rows)));
    const int64_t most = CeilDiv(s.oh, parts);
    const int64_t tiles = most * CeilDiv(s.ow, kTileRows);
    slack_bytes = RoundUpToLine((kTileRows * s.sw + s.kw) * kFirstPixelBytes);
    bias_at = 2 * kTileSumBytes;
    steps_at = bias_at + RoundUpToBlock(s.oc, kTileChannels) * 4;
    tile_in_at = steps_at + RoundUpToLine(int64_t{s.kh} * 8);
    tile_out_at = tile_in_at + RoundUpToLine(tiles * 8);
    pixels_at = tile_out_at + tiles * kTileRows * 4;
    scratch_bytes = static_cast<size_t>(
        pixels_at + RoundUpToLine(Rows(most) * pitch * kFirstPixelBytes) + slack_bytes);
  }

  // Of the picture, that `rows` output rows need.
  int64_t Rows(int64_t rows) const { return (rows - 1) * s_.sh + int64_t{s_.kh - 1} * s_.dh + 1; }

  int64_t parts = 1;  // of the output rows
  int64_t pitch = 0;  // pixels of a copied row
  int64_t slack_bytes = 0;
  int64_t bias_at = 0, steps_at = 0, tile_in_at = 0, tile_out_at = 0, pixels_at = 0;
  size_t scratch_bytes = 0;

 private:
  const ConvShape& s_;
};

}  // namespace kinglet::kernels
