// Products of 8-bit integers behind their zero points, exact.
//
//   sums[j] = sum over k < depth of row[k] * columns[j * depth + k],  j < count
//
// Elements are q - zero_point in int16, within [-255, 255]; sums are int32 and wrap around where
// they do not fit. Alignment: that of the element. Over-read: none. No overlap.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

using IntegerDotsFn = void (*)(const int16_t* row, const int16_t* columns, int64_t count,
                               int64_t depth, int32_t* sums) noexcept;

// The function for the active target. Fetch it at plan time.
IntegerDotsFn GetIntegerDots() noexcept;

}  // namespace kinglet::kernels
