// Rows of pictures as planes of floats: to[c][i] = scale[c] * pixel i of channel c + shift[c].
#pragma once

#include <cstdint>

namespace kinglet::kernels {

// Pixels of 8 bits or floats, strides in elements. Nothing beyond the pixels is read. Alignment:
// that of the elements. Bound: 1.5 * 2^-23 * (|scale * pixel| + |shift|) around the exact value.
struct ImageRow {
  const void* from = nullptr;
  bool bytes = false;
  int64_t count = 0;
  int64_t pixel_stride = 1;
  int64_t channels = 1;
  int64_t channel_stride = 0;
  const float* scale = nullptr;  // of each channel
  const float* shift = nullptr;
  float* to = nullptr;
  int64_t to_stride = 0;  // from one channel to the next
};

using ImageRowFn = void (*)(const ImageRow&) noexcept;

// For the active target.
ImageRowFn ResolveImageRow();

}  // namespace kinglet::kernels
