// How a floating-point number becomes an integer, whatever it is.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace kinglet::kernels {

// Towards zero. Beyond the range of int64 (which ONNX leaves open) a value saturates; a narrower
// integer keeps the low bits, as C has it for integers. NaN becomes 0.
template <typename To>
To FloatToInteger(double value) {
  if (std::isnan(value)) return To{0};
  if constexpr (std::is_same_v<To, uint64_t>) {
    if (value >= 0x1p64) return std::numeric_limits<To>::max();
    if (value >= 0x1p63) return static_cast<To>(value);
  }
  if (value >= 0x1p63) return static_cast<To>(std::numeric_limits<int64_t>::max());
  if (value < -0x1p63) return static_cast<To>(std::numeric_limits<int64_t>::min());
  return static_cast<To>(static_cast<int64_t>(value));
}

}  // namespace kinglet::kernels
