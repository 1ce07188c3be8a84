// What operators on quantised tensors share: q stands for (q - zero_point) * scale.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "engine/graph/contrib.h"
#include "engine/op/op.h"
#include "engine/ops/dispatch.h"
#include "kernels/common/work.h"

namespace kinglet {

inline constexpr std::string_view kEightBits = "int8, uint8";

// Halves to even for |v| < 2^22, in the default rounding mode; vectorises on every target.
inline float RoundToEven(float v) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  return (v + kShift) - kShift;
}

// The T next to v, which has the zero point in it already. NaN gives the highest.
template <typename T>
T SaturateTo(float v) {
  constexpr auto kLow = static_cast<float>(std::numeric_limits<T>::lowest());
  constexpr auto kHigh = static_cast<float>(std::numeric_limits<T>::max());
  return static_cast<T>(static_cast<std::int32_t>(RoundToEven(std::max(kLow, std::min(kHigh, v)))));
}

// round(v) + zero, saturated: which way a half goes does not depend on the zero point. NaN gives
// the highest.
template <typename T>
T SaturateTo(float v, std::int32_t zero) {
  const auto low = static_cast<float>(std::numeric_limits<T>::lowest() - zero);
  const auto high = static_cast<float>(std::numeric_limits<T>::max() - zero);
  const float steps = RoundToEven(std::max(low, std::min(high, v)));
  return static_cast<T>(static_cast<std::int32_t>(steps) + zero);
}

// Calls f.template operator()<T>() for int8 or uint8.
template <typename F>
decltype(auto) DispatchEightBits(DataType type, F&& f) {
  switch (type) {
    case DataType::kInt8:
      return f.template operator()<std::int8_t>();
    case DataType::kUInt8:
      return f.template operator()<std::uint8_t>();
    default:
      ThrowElementType(type);
  }
}

// Throw Error(kInvalidModel): input i is no int8 or uint8 tensor; no float32 scale of one element;
// no zero point of one element and of input `of`'s type (absent is fine).
void RequireEightBits(const NodeContext& context, std::size_t i);
void RequireOneScale(const NodeContext& context, std::size_t i);
void RequireOneZeroPoint(const NodeContext& context, std::size_t i, std::size_t of);
// The same of scales and zero points of which there is one, or one for each of `count`.
void RequireScales(const NodeContext& context, std::size_t i, std::int64_t count);
void RequireZeroPoints(const NodeContext& context, std::size_t i, std::size_t of,
                       std::int64_t count);

// How a step asks for an input that may be absent: a node need not list it at all.
inline constexpr std::size_t kAbsent = std::numeric_limits<std::size_t>::max();
inline std::size_t IfPresent(const NodeContext& context, std::size_t i) {
  return context.HasInput(i) ? i : kAbsent;
}
template <typename T>
const T* DataOf(const StepArgs& args, std::size_t i) {
  return i == kAbsent ? nullptr : static_cast<const T*>(args.inputs[i]);
}

// As the step runs: the scale, and the zero point, 0 where it is absent.
inline float ScaleOf(const StepArgs& args, std::size_t i) { return *DataOf<float>(args, i); }
template <typename T>
std::int32_t ZeroPointOf(const StepArgs& args, std::size_t i) {
  const T* zero = DataOf<T>(args, i);
  return zero == nullptr ? 0 : *zero;
}

// One zero point for all, or one for each index.
template <typename T>
struct ZeroPoints {
  const T* data = nullptr;  // null: zeros
  std::int64_t step = 0;

  std::int32_t At(std::int64_t i) const { return data == nullptr ? 0 : data[i * step]; }
};
// `step` as StepBetween gives it.
template <typename T>
ZeroPoints<T> ZeroPointsOf(const StepArgs& args, std::size_t i, std::int64_t step) {
  return {DataOf<T>(args, i), step};
}
// Of `macs` multiply-adds by kernels/quantize/integer_dot.h.
kernels::Work IntegerProductWork(std::int64_t macs, int threads);
// 1 where input i has more than one element, else 0.
std::int64_t StepBetween(const NodeContext& context, std::size_t i);

}  // namespace kinglet
