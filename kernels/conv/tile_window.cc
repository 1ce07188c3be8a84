#include "kernels/conv/tile_window.h"

#include <algorithm>
#include <numeric>

#include "kernels/common/blocked.h"
#include "kernels/common/cpu.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {
namespace {

// Numbers outputs from `first` on, `own` of them at most; the other ones of `count` are nobody's.
void NumberRows(int64_t first, int64_t own, int32_t* to, int64_t count) {
  const int64_t numbered = std::clamp<int64_t>(own, 0, count);
  std::iota(to, to + numbered, static_cast<int32_t>(first));
  std::fill(to + numbered, to + count, -1);
}

bool NeedsPixelAlone(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         s.oh == s.ih && s.ow == s.iw;
}

// Of a window: what stays in the second-level cache beside the weights of some output blocks.
int64_t WindowBytes() {
  constexpr int64_t kLeast = 128 << 10;
  return std::max(static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 2, kLeast);
}

// Where the weights outweigh the map, threads that share the output blocks read each its own part
// of them; elsewhere parts of the map.
TileUnits UnitsOf(const ConvShape& s, int64_t out_blocks, int64_t least_parts, bool copies) {
  constexpr double kMinUnitMultiplyAdds = 1e6;
  constexpr int64_t kEnoughUnits = 32;
  constexpr int64_t kMinUnitPixels = 64;
  const auto worthwhile = static_cast<int64_t>(
      std::min(MultiplyAdds(s) / kMinUnitMultiplyAdds, static_cast<double>(kEnoughUnits)));
  const int64_t wanted = CeilDiv(std::max<int64_t>(worthwhile, 1), s.groups);
  const int64_t pixels = s.oh * s.ow;
  const int64_t most_parts =
      std::clamp<int64_t>(pixels / kMinUnitPixels, 1, copies ? s.oh : wanted);
  const bool heavy = WeightBytes(s) > 4.0 * static_cast<double>(s.ic * s.ih * s.iw);
  TileUnits units{s.groups, std::max<int64_t>(least_parts, 1), 1};
  if (heavy) {
    units.block_parts = std::min(out_blocks, CeilDiv(wanted, units.pixel_parts));
  } else {
    units.pixel_parts = std::max(units.pixel_parts, std::min(wanted, most_parts));
    units.block_parts = std::min(out_blocks, CeilDiv(wanted, units.pixel_parts));
  }
  return units;
}

}  // namespace

bool IsRowOfImages(const ConvShape& s) {
  return s.n > 1 && s.groups == 1 && s.ih == 1 && s.iw == 1 && NeedsPixelAlone(s);
}

ConvShape RowOfImages(ConvShape s) {
  if (IsRowOfImages(s)) {
    s.iw = s.ow = s.n;
    s.n = 1;
  }
  return s;
}

TileAxis TileAxis::Of(int taps, int stride, int dilation) {
  const int64_t period = stride / std::gcd(stride, dilation);
  return {std::min<int64_t>(taps, period), period, int64_t{taps - 1} * dilation / stride};
}

TileWindow::TileWindow(const ConvShape& s, int64_t in_block, int64_t out_block, int64_t pixel_bytes,
                       bool copies)
    : s_(s),
      copies_(copies || !NeedsPixelAlone(s)),
      in_blocks_(BlockCount(s.ic / s.groups, in_block)),
      out_blocks_(BlockCount(s.oc / s.groups, out_block)),
      rows_(TileAxis::Of(s.kh, s.sh, s.dh)),
      columns_(TileAxis::Of(s.kw, s.sw, s.dw)) {
  int64_t parts = 1;
  if (copies_) {
    const int64_t row_bytes = in_blocks_ * rows_.phases * columns_.phases * pitch() * pixel_bytes;
    const int64_t fitting = WindowBytes() / row_bytes - rows_.reach;
    parts = CeilDiv(s.oh, std::clamp<int64_t>(fitting, 1, s.oh));
  }
  units_ = UnitsOf(s, out_blocks_, parts, copies_);
}

bool TileWindow::Fits(const ConvShape& s, int64_t in_block, int64_t pixel_bytes) {
  constexpr double kMostBytes = 64 << 20;
  if (NeedsPixelAlone(s)) return true;
  const auto pixels = [](int64_t outputs, const TileAxis& axis) {
    return static_cast<double>(axis.phases) * static_cast<double>(outputs + axis.reach);
  };
  const double plane =
      pixels(1, TileAxis::Of(s.kh, s.sh, s.dh)) * pixels(s.ow, TileAxis::Of(s.kw, s.sw, s.dw));
  const int64_t blocks = BlockCount(s.ic / s.groups, in_block);
  return plane * static_cast<double>(blocks * pixel_bytes) <= kMostBytes;
}

Range TileWindow::PartOf(int64_t part) const {
  if (copies_) return EvenPart(s_.oh, units_.pixel_parts, part);
  // Whole tiles but for the last one.
  const int64_t tiles = CeilDiv(s_.oh * s_.ow, kTilePixels);
  const Range range = EvenPart(tiles, units_.pixel_parts, part);
  return {range.begin * kTilePixels, std::min(range.end * kTilePixels, s_.oh * s_.ow)};
}

int64_t TileWindow::MostRows() const { return CeilDiv(s_.oh, units_.pixel_parts); }

int64_t TileWindow::StepPixels(int64_t rows, int64_t block, int64_t tap_row,
                               int64_t tap_column) const {
  const int64_t phase = rows_.PhaseOf(tap_row) * columns_.phases + columns_.PhaseOf(tap_column);
  const int64_t y = tap_row * s_.dh / s_.sh;
  const int64_t x = tap_column * s_.dw / s_.sw;
  return block * BlockPixels(rows) + phase * PhasePixels(rows) + y * pitch() + x;
}

// Whether tiles that run across the ends of rows are fewer than those that begin with a row.
bool TileWindow::AcrossRows(int64_t rows) const {
  const int64_t positions = (rows - 1) * pitch() + s_.ow;
  return CeilDiv(positions, kTilePixels) <= rows * CeilDiv(s_.ow, kTilePixels);
}

int64_t TileWindow::Tiles(Range part) const {
  const int64_t count = part.end - part.begin;
  if (!copies_) return CeilDiv(count, kTilePixels);
  if (!AcrossRows(count)) return count * CeilDiv(s_.ow, kTilePixels);
  return CeilDiv((count - 1) * pitch() + s_.ow, kTilePixels);
}

int64_t TileWindow::MostTiles() const {
  if (!copies_) {
    return CeilDiv(CeilDiv(s_.oh * s_.ow, kTilePixels), units_.pixel_parts);
  }
  const int64_t rows = MostRows();
  return std::max(Tiles({0, rows}), rows > 1 ? Tiles({0, rows - 1}) : 0);
}

void TileWindow::FillTiles(Range part, int64_t* tile_in, int32_t* tile_out) const {
  if (!copies_) {
    FillPixels(part, tile_in, tile_out);
  } else if (AcrossRows(part.end - part.begin)) {
    FillAcrossRows(part.end - part.begin, tile_in, tile_out);
  } else {
    FillRows(part.end - part.begin, tile_in, tile_out);
  }
}

// The last tile ends with the map: it begins within the one before it, whose outputs are not its
// own.
void TileWindow::FillPixels(Range part, int64_t* tile_in, int32_t* tile_out) const {
  const int64_t count = part.end - part.begin;
  const int64_t last = std::max<int64_t>(s_.oh * s_.ow - kTilePixels, 0);
  for (int64_t own = 0; own < count; own += kTilePixels, tile_out += kTilePixels) {
    const int64_t first = std::min(part.begin + own, last);
    *tile_in++ = first;
    const int64_t others = part.begin + own - first;
    std::fill_n(tile_out, others, -1);
    NumberRows(own, count - own, tile_out + others, kTilePixels - others);
  }
}

void TileWindow::FillRows(int64_t rows, int64_t* tile_in, int32_t* tile_out) const {
  for (int64_t y = 0; y < rows; ++y) {
    for (int64_t x = 0; x < s_.ow; x += kTilePixels, tile_out += kTilePixels) {
      *tile_in++ = y * pitch() + x;
      NumberRows(y * s_.ow + x, s_.ow - x, tile_out, kTilePixels);
    }
  }
}

void TileWindow::FillAcrossRows(int64_t rows, int64_t* tile_in, int32_t* tile_out) const {
  const int64_t positions = (rows - 1) * pitch() + s_.ow;
  const int64_t tiles = CeilDiv(positions, kTilePixels);
  for (int64_t t = 0; t < tiles; ++t) tile_in[t] = t * kTilePixels;
  int64_t left = tiles * kTilePixels;
  for (int64_t y = 0; left > 0; ++y) {
    const int64_t run = std::min(pitch(), left);
    NumberRows(y * s_.ow, y < rows ? s_.ow : 0, tile_out, run);
    tile_out += run;
    left -= run;
  }
}

}  // namespace kinglet::kernels
