// What a kernel does to its accumulators when it stores them: the activation, and the conversion to
// the type of the output.
//
// A float x becomes f(x), then
//   float32    that;
//   bfloat16   that, rounded to nearest, ties to even; NaN stays NaN;
//   int8, uint8
//              the code clamp(round(f(x) * scale) + zero_point, low, high): one multiplication in
//              float32, rounded to nearest, ties to even; then the zero point is added. NaN is
//              stored like zero.
// Which of them a kernel can write its description says (ConvVariant::output and the like); it
// supports nothing else.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/common/activation.h"
#include "kernels/common/element_type.h"
#include "kernels/common/half.h"

namespace kinglet::kernels {

// From floats to the codes of an int8 or uint8 output. `scale` is what the floats are multiplied
// by: the inverse of the step of the output where they are values.
struct Requantisation {
  const float* scales = nullptr;  // of each output channel; null: `scale` for all of them
  float scale = 1.0f;
  int32_t zero_point = 0;  // in the range of the type
  // The codes that are stored: of the type's range, what a clamp leaves of it.
  int32_t low = std::numeric_limits<int32_t>::min();
  int32_t high = std::numeric_limits<int32_t>::max();
};

struct Epilogue {
  Activation activation = Activation::kNone;
  float alpha = 0.0f;  // kClip: lower bound
  float beta = 0.0f;   // kClip: upper bound
  ElementType type = ElementType::kFloat32;
  Requantisation requantisation = {};  // of int8 and uint8
};

// The types that an epilogue can store.
constexpr bool IsStored(ElementType type) {
  return type == ElementType::kFloat32 || type == ElementType::kBFloat16 ||
         type == ElementType::kInt8 || type == ElementType::kUInt8;
}

// Identity, rectifier and clip are one clamp, which kernels apply in registers.
constexpr bool IsClamp(const Epilogue& e) { return e.activation <= Activation::kClip; }
constexpr float ClampLow(const Epilogue& e) {
  return e.activation == Activation::kRelu   ? 0.0f
         : e.activation == Activation::kClip ? e.alpha
                                             : -std::numeric_limits<float>::infinity();
}
constexpr float ClampHigh(const Epilogue& e) {
  return e.activation == Activation::kClip ? e.beta : std::numeric_limits<float>::infinity();
}

inline float ActivateScalar(const Epilogue& e, float x) {
  return ActivateScalar(e.activation, x, e.alpha, e.beta);
}

// Whether f(0) is 0, so that pad lanes of a blocked float tensor stay zero without a mask.
inline bool KeepsZero(const Epilogue& e) { return ActivateScalar(e, 0.0f) == 0.0f; }

// The codes that a requantisation may store, its zero point taken off.
struct CodeRange {
  float low, high;
};
constexpr CodeRange CodesOf(const Epilogue& e) {
  const bool is_signed = e.type == ElementType::kInt8;
  const int32_t low = std::max(e.requantisation.low, is_signed ? -128 : 0);
  const int32_t high = std::min(e.requantisation.high, is_signed ? 127 : 255);
  return {static_cast<float>(low - e.requantisation.zero_point),
          static_cast<float>(high - e.requantisation.zero_point)};
}

// The code of f(x) in output channel `channel`.
inline int32_t RequantiseScalar(const Epilogue& e, float x, int64_t channel) {
  const Requantisation& r = e.requantisation;
  const float scaled = x * (r.scales != nullptr ? r.scales[channel] : r.scale);
  const CodeRange codes = CodesOf(e);
  // Both bounds are integers: clamping before rounding is clamping after it.
  const float code = Clamped(std::isnan(scaled) ? 0.0f : scaled, codes.low, codes.high);
  return static_cast<int32_t>(std::nearbyint(code)) + r.zero_point;
}

// Stores f(x) as element `index` of `to`, an array of e.type; it belongs to output channel
// `channel`. What reference kernels store.
inline void StoreScalar(const Epilogue& e, float x, int64_t channel, void* to, int64_t index) {
  const float y = ActivateScalar(e, x);
  switch (e.type) {
    case ElementType::kBFloat16:
      static_cast<BFloat16*>(to)[index] = ToBFloat16(y);
      break;
    case ElementType::kInt8:
      static_cast<int8_t*>(to)[index] = static_cast<int8_t>(RequantiseScalar(e, y, channel));
      break;
    case ElementType::kUInt8:
      static_cast<uint8_t*>(to)[index] = static_cast<uint8_t>(RequantiseScalar(e, y, channel));
      break;
    default:
      static_cast<float*>(to)[index] = y;
  }
}

}  // namespace kinglet::kernels
