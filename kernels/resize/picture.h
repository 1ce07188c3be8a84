// Pictures to network inputs: 8-bit RGB rows are resized and normalised into float32 planes.
//
//   linear:  h(y, x) = s(y, x0) + (s(y, x1) - s(y, x0)) * fx     for rows y0 and y1, then
//            v(y, x) = h(y0, x) + (h(y1, x) - h(y0, x)) * fy
//   filter:  v(y, x) = sum_j wx[x][j] * (sum_i wy[y][i] * s(fy[y] + i, fx[x] + j))
//   output:  (v - mean[c]) * scale[c]
//
// Source: rows of W x 3 bytes, `src_stride` bytes apart. Output: float32, three planes or pixels of
// three. Nothing is read or written beyond the samples named, and no alignment is asked for.
// Source, output and scratch do not overlap. Error against exact arithmetic: 3 roundings of values
// up to 255 (linear), taps_x + taps_y + 2 (filter). Sources: the bilinear rule with half-pixel
// centres of TensorFlow and PyTorch (align_corners false); separable resampling as in Pillow,
// without its rounding to 8 bits in between.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

// For each output of an axis the two nearest samples; both rise with the output.
struct LinearTaps {
  const int32_t* first;   // [count]
  const int32_t* second;  // [count], first or first + 1
  const float* fraction;  // [count], 0 to 1: the weight of `second`
  size_t count;
};

// For each output of an axis `taps` consecutive samples from `first`, all inside the source.
struct FilterTaps {
  const int32_t* first;  // [count]
  const float* weights;  // [count][taps]
  size_t taps;
  size_t count;
};

struct PictureOutput {
  float* data;
  size_t row_stride;  // elements between rows
  size_t channel[3];  // element offset of the source's red, green, blue
  bool interleaved;   // pixels of three, `channel` 0, 1, 2 or 2, 1, 0; else planes
  float mean[3];      // of the source's red, green, blue
  float scale[3];
};

// Floats of scratch memory for an output `out_width` wide from a source `src_width` wide.
size_t LinearScratch(size_t out_width) noexcept;
size_t FilterScratch(size_t src_width, size_t out_width) noexcept;

struct PictureTable {
  void (*linear)(const uint8_t* src, size_t src_stride, size_t src_width, const LinearTaps& x,
                 const LinearTaps& y, const PictureOutput& out, float* scratch) noexcept;
  void (*filter)(const uint8_t* src, size_t src_stride, size_t src_width, const FilterTaps& x,
                 const FilterTaps& y, const PictureOutput& out, float* scratch) noexcept;
};

// Of the active target.
const PictureTable& GetPictureTable() noexcept;

}  // namespace kinglet::kernels
