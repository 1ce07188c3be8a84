// Depthwise convolutions of codes with kernels of 3x3 by products of quads of bytes (VNNI): the
// codes of a channel in up to four input rows are brought side by side, and multiplied with the
// weights of a column. With stride 1 the four rows serve two rows of outputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/depthwise/codes.h"

namespace kinglet::kernels {

// Rows of outputs of a plane: 64 channels, or those of them that there are.
struct DepthwiseQuads {
  const uint8_t* in = nullptr;
  int64_t columns = 0, rows = 0;  // of the input
  int64_t pad_top = 0, pad_left = 0;
  int64_t stride = 1;
  int64_t out_columns = 0;
  Range out_rows;
  uint8_t* out = nullptr;  // the first pixel of the first row
  // [set][row of outputs][column][part][16 lanes][row of the quad]; the sum of the sets is the
  // weight. The lanes of part p are the channels 4 p to 4 p + 3 of each 16.
  const int8_t* weights = nullptr;
  int sets = 1;  // 1 or 2
  const uint8_t* outside =
      nullptr;             // as many pixels that hold the zero point as the input has columns
  int64_t valid = kCodes;  // channels; lanes behind them become zero
  // In the order of the parts; the bias without the zero point of the input.
  alignas(64) int32_t bias[kCodes];
  alignas(64) float scales[kCodes];
  float low = 0, high = 0;  // as kernels/common/epilogue.h has them
  int32_t zero_point = 0;   // of the output
};

using DepthwiseQuadsFn = void (*)(const DepthwiseQuads&) noexcept;

// Null where it is not compiled.
DepthwiseQuadsFn DepthwiseQuadsAvx512Vnni() noexcept;

// Where a channel of a block lies in the order of the parts.
constexpr int64_t QuadPlaceOf(int64_t channel) {
  return channel % 16 / 4 * 16 + channel / 16 * 4 + channel % 4;
}

inline constexpr int64_t kQuadColumn = kCodes * 4;  // bytes of the weights of a column

// The same by plain loops, for tests where no CPU has the instructions.
ConvVariant PlainDepthwiseQuadsConvU8();

}  // namespace kinglet::kernels
