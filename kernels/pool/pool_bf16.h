// Pooling of blocked images of bfloat16, computed in float32 and rounded once; what kernels/pool/
// pool.h says of float32 counts for them, with blocks of 32 channels. Averages are stored as
// bfloat16; those of whole maps as float32 in blocks of 16 channels as well.
#pragma once

#include <cstdint>

#include "kernels/pool/pool.h"

namespace kinglet::kernels {

// (n, block of 32 channels, output row); and (n, block of 32 channels) of whole maps.
int64_t Bf16UnitCount(const Pool& p) noexcept;
int64_t Bf16UnitCount(const GlobalPool& p) noexcept;

using PoolBf16Fn = void (*)(const Pool& p, const void* x, void* y, int64_t begin,
                            int64_t end) noexcept;
using GlobalPoolBf16Fn = void (*)(const GlobalPool& p, const void* x, void* y, int64_t begin,
                                  int64_t end) noexcept;

// Functions for the active target. Fetch them at plan time.
struct PoolBf16Table {
  PoolBf16Fn max, average;
  GlobalPoolBf16Fn global_max, global_average, global_max_f32, global_average_f32;
};
const PoolBf16Table& GetPoolBf16Table() noexcept;

}  // namespace kinglet::kernels
