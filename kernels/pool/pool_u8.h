// Pooling of blocked images of 8-bit codes, 64 channels a pixel; what kernels/pool/pool.h says of
// windows, units and slices counts for them. Bit for bit, whichever the target:
//
//   maximum     the largest code of the taps; 0 where there is none
//   windows     saturate(round(sum of x_scale (x - x_zero) / count / y_scale + y_zero)), float32 in
//               the order of the taps; count: the taps inside, or, with include_pad, all of the
//               kernel's; 255 where it is 0
//   whole maps  saturate(round(float(sum - pixels x_zero) (x_scale / (y_scale pixels))) + y_zero),
//               the sum exact
//
// halves to even. ONNX Runtime's QLinearAveragePool and QLinearGlobalAveragePool compute so.
#pragma once

#include <cstdint>

#include "kernels/pool/pool.h"

namespace kinglet::kernels {

struct CodeScales {
  float x_scale = 1, y_scale = 1;
  int32_t x_zero = 0, y_zero = 0;
};

// Whole maps of more pixels are none of these kernels': sums are int32.
inline constexpr int64_t kMaxCodePixels = int64_t{1} << 22;

// (n, block of 64 channels, output row); and (n, block of 64 channels) of whole maps.
int64_t CodeUnitCount(const Pool& p) noexcept;
int64_t CodeUnitCount(const GlobalPool& p) noexcept;

// What a pool of `p` does to codes.
Work CodePoolWork(const Pool& p, bool maximum, int threads);
Work CodePoolWork(const GlobalPool& p, int threads);

// Functions for the active target. Fetch them at plan time.
struct PoolU8Table {
  void (*max)(const Pool& p, const uint8_t* x, uint8_t* y, int64_t begin, int64_t end) noexcept;
  void (*average)(const Pool& p, const CodeScales& s, const uint8_t* x, uint8_t* y, int64_t begin,
                  int64_t end) noexcept;
  void (*global_average)(const GlobalPool& p, const CodeScales& s, const uint8_t* x, uint8_t* y,
                         int64_t begin, int64_t end) noexcept;
};
const PoolU8Table& GetPoolU8Table() noexcept;

}  // namespace kinglet::kernels
