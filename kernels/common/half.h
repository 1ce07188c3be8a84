// The 16-bit storage formats: IEEE 754 binary16 and bfloat16, as bits.
//
// Narrowing rounds to nearest, ties to even; what is too large becomes infinity, NaN stays NaN.
// Widening is exact.
#pragma once

#include <bit>
#include <cstdint>

namespace kinglet::kernels {

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

inline float ToFloat(Float16 half) noexcept {
  const uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000u) << 16;
  const uint32_t exponent = (half.bits >> 10) & 0x1Fu;
  const uint32_t mantissa = half.bits & 0x3FFu;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  // Subnormal: mantissa * 2^-24, exact in float.
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

inline float ToFloat(BFloat16 half) noexcept {
  return std::bit_cast<float>(static_cast<uint32_t>(half.bits) << 16);
}

inline Float16 ToFloat16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  const auto with_sign = [&](uint32_t half) { return Float16{static_cast<uint16_t>(sign | half)}; };
  if (magnitude > 0x7F800000u) return with_sign(0x7E00u);   // NaN
  if (magnitude >= 0x477FF000u) return with_sign(0x7C00u);  // from 65520 on: infinity
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 0.5 shifts the last bit of the sum to 2^-24, the step of subnormals, and
    // rounds as it should.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return with_sign(std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  return with_sign((magnitude - (112u << 23) + 0xFFFu + odd) >> 13);
}

inline BFloat16 ToBFloat16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
    return {static_cast<uint16_t>((bits >> 16) | 0x40u)};  // quiet NaN
  }
  return {static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16)};
}

}  // namespace kinglet::kernels
