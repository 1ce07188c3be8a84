// How convolutions whose inputs lie in pixels of many channels go through a map: in strips of
// output rows, whose input window is copied with its pads where the kernel needs more than the
// pixel itself. With a stride the copy separates rows and columns by what they leave when divided
// by it
// ("phases"), so that neighbouring outputs always read neighbouring pixels at every tap: 16 of them
// are a tile, and tiles run across the ends of rows.
//
// A step of the product is a block of input channels at one tap; the weights of a step follow one
// another, taps of a block together.
#pragma once

#include <cstdint>

#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels {

inline constexpr int64_t kTilePixels = 16;

// Along rows or columns.
struct TileAxis {
  int64_t phases;  // that taps fall into
  int64_t period;  // of taps: tap t is in phase t % period
  int64_t reach;   // pixels of a phase beyond those of the outputs

  static TileAxis Of(int taps, int stride, int dilation);
  int64_t PhaseOf(int64_t tap) const { return tap % period; }
};

// The work units of a convolution, in the order of images, groups, parts of rows or pixels, and
// parts of the output blocks.
struct TileUnits {
  int64_t groups, pixel_parts, block_parts;
  int64_t count() const { return groups * pixel_parts * block_parts; }  // of an image
};

// Whether a batch is maps of one pixel, as dense layers are: a row of pixels, an image apart.
bool IsRowOfImages(const ConvShape& s);
// The one map that it is then, other shapes as they are.
ConvShape RowOfImages(ConvShape s);

class TileWindow {
 public:
  // Blocks of `in_block` input and `out_block` output channels; a pixel of the copied window takes
  // `pixel_bytes`. `copies`: windows are copied even where the kernel needs the pixel alone.
  TileWindow(const ConvShape& s, int64_t in_block, int64_t out_block, int64_t pixel_bytes,
             bool copies);

  // Whether a strip of one output row has a window of sensible size.
  static bool Fits(const ConvShape& s, int64_t in_block, int64_t pixel_bytes);

  bool copies() const { return copies_; }
  int64_t in_blocks() const { return in_blocks_; }    // of a group
  int64_t out_blocks() const { return out_blocks_; }  // of a group
  int64_t taps() const { return int64_t{s_.kh} * s_.kw; }
  int64_t steps() const { return in_blocks_ * taps(); }
  const TileUnits& units() const { return units_; }

  // Output rows of a part of the map, where windows are copied; pixels elsewhere.
  Range PartOf(int64_t part) const;
  int64_t MostRows() const;

  // Pixels from one row of a phase to the next, and of a phase of `rows` output rows.
  int64_t pitch() const { return s_.ow + columns_.reach; }
  int64_t PhasePixels(int64_t rows) const { return (rows + rows_.reach) * pitch(); }
  int64_t BlockPixels(int64_t rows) const {
    return rows_.phases * columns_.phases * PhasePixels(rows);
  }
  int64_t WindowPixels(int64_t rows) const { return in_blocks_ * BlockPixels(rows); }
  // Pixels from the beginning of the window of `rows` output rows to those of a step.
  int64_t StepPixels(int64_t rows, int64_t block, int64_t tap_row, int64_t tap_column) const;

  // Calls f(to, y, x, count) for all pixels of one block's window of the output rows [begin, end):
  // `count` neighbours of the window from number `to` on are the input's (y, x), (y, x + sw), ...;
  // y is -1 where they lie in the padding.
  template <typename F>
  void ForPixels(Range out_rows, const F& f) const;

  // Positions of tiles of the output rows in a copied window, or of the pixels of the map. Fills
  // where each tile's input begins, in pixels, and which output, counted from the first one of the
  // part, each of its rows is: -1 for nobody's.
  int64_t Tiles(Range part) const;
  int64_t MostTiles() const;
  void FillTiles(Range part, int64_t* tile_in, int32_t* tile_out) const;

 private:
  bool AcrossRows(int64_t rows) const;
  void FillPixels(Range part, int64_t* tile_in, int32_t* tile_out) const;
  void FillRows(int64_t rows, int64_t* tile_in, int32_t* tile_out) const;
  void FillAcrossRows(int64_t rows, int64_t* tile_in, int32_t* tile_out) const;

  const ConvShape& s_;
  const bool copies_;
  const int64_t in_blocks_, out_blocks_;
  const TileAxis rows_, columns_;
  TileUnits units_;
};

template <typename F>
void TileWindow::ForPixels(Range out_rows, const F& f) const {
  const int64_t rows = out_rows.end - out_rows.begin + rows_.reach;
  const int64_t cols = pitch();
  int64_t to = 0;
  for (int64_t py = 0; py < rows_.phases; ++py) {
    const int64_t y0 = out_rows.begin * s_.sh - s_.pad_top + py * s_.dh % s_.sh;
    for (int64_t px = 0; px < columns_.phases; ++px) {
      const int64_t x0 = px * s_.dw % s_.sw - s_.pad_left;
      const int64_t first = x0 >= 0 ? 0 : CeilDiv(-x0, s_.sw);
      const int64_t left = first < cols ? first : cols;
      const int64_t end = x0 >= s_.iw ? 0 : CeilDiv(s_.iw - x0, s_.sw);
      const int64_t right = end < left ? left : end < cols ? end : cols;
      for (int64_t r = 0; r < rows; ++r, to += cols) {
        const int64_t y = y0 + r * s_.sh;
        if (y < 0 || y >= s_.ih) {
          f(to, int64_t{-1}, int64_t{0}, cols);
          continue;
        }
        if (left > 0) f(to, int64_t{-1}, int64_t{0}, left);
        if (right > left) f(to + left, y, x0 + left * s_.sw, right - left);
        if (cols > right) f(to + right, int64_t{-1}, int64_t{0}, cols - right);
      }
    }
  }
}

}  // namespace kinglet::kernels
