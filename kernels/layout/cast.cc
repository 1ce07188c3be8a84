#include "kernels/layout/cast.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/layout/numbers.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/cast.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename From, typename To>
void Each(const void* from, void* to, size_t count) noexcept {
  const From* HWY_RESTRICT x = static_cast<const From*>(from);
  To* HWY_RESTRICT y = static_cast<To*>(to);
  for (size_t i = 0; i < count; ++i) y[i] = static_cast<To>(x[i]);
}

template <typename From>
void IsNotZero(const void* from, void* to, size_t count) noexcept {
  const From* HWY_RESTRICT x = static_cast<const From*>(from);
  uint8_t* HWY_RESTRICT y = static_cast<uint8_t*>(to);
  for (size_t i = 0; i < count; ++i) y[i] = x[i] != From{0} ? 1 : 0;
}

// By way of int32, where all of a piece are in its range.
template <typename To>
void ToInteger(const void* from, void* to, size_t count) noexcept {
  constexpr size_t kPiece = 512;
  const float* HWY_RESTRICT x = static_cast<const float*>(from);
  To* HWY_RESTRICT y = static_cast<To*>(to);
  for (size_t at = 0; at < count; at += kPiece) {
    const size_t end = std::min(count, at + kPiece);
    int32_t far = 0;
    for (size_t i = at; i < end; ++i) far |= std::abs(x[i]) < 0x1p31f ? 0 : 1;
    if (far != 0) {
      for (size_t i = at; i < end; ++i) y[i] = FloatToInteger<To>(static_cast<double>(x[i]));
      continue;
    }
    for (size_t i = at; i < end; ++i) y[i] = static_cast<To>(static_cast<int32_t>(x[i]));
  }
}

}  // namespace

CastFn CastForTarget(ElementType from, ElementType to) {
  using enum ElementType;
  const auto is = [&](ElementType a, ElementType b) { return from == a && to == b; };
  if (is(kFloat32, kInt8) || is(kFloat32, kUInt8)) return ToInteger<uint8_t>;
  if (is(kFloat32, kInt32) || is(kFloat32, kUInt32)) return ToInteger<uint32_t>;
  if (is(kFloat32, kInt64)) return ToInteger<int64_t>;
  if (is(kFloat32, kBool)) return IsNotZero<float>;
  if (is(kFloat32, kFloat64)) return Each<float, double>;
  if (is(kFloat64, kFloat32)) return Each<double, float>;
  if (is(kInt8, kFloat32)) return Each<int8_t, float>;
  if (is(kUInt8, kFloat32) || is(kBool, kFloat32)) return Each<uint8_t, float>;
  if (is(kInt32, kFloat32)) return Each<int32_t, float>;
  if (is(kInt64, kFloat32)) return Each<int64_t, float>;
  if (is(kInt64, kInt32)) return Each<uint64_t, uint32_t>;
  if (is(kInt32, kInt64)) return Each<int32_t, int64_t>;
  if (is(kUInt8, kInt64) || is(kBool, kInt64)) return Each<uint8_t, int64_t>;
  if (is(kUInt8, kInt32) || is(kBool, kInt32)) return Each<uint8_t, int32_t>;
  if (is(kInt64, kBool)) return IsNotZero<int64_t>;
  if (is(kInt32, kBool)) return IsNotZero<int32_t>;
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Cast);
HWY_EXPORT(CastForTarget);

CastFn FindCast(ElementType from, ElementType to) noexcept {
  return KINGLET_RESOLVE(CastForTarget)(from, to);
}

}  // namespace kinglet::kernels
#endif
