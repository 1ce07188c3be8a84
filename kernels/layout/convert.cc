#include "kernels/layout/convert.h"

#include "kernels/common/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/convert.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void ToBFloat16s(const void* from, void* to, size_t count) noexcept {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<uint16_t*>(to);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    hn::StoreU(hn::DemoteTo(d16, BFloat16Bits(d, hn::LoadU(d, x + i))), d16, y + i);
  }
  for (; i < count; ++i) y[i] = ToBFloat16(x[i]).bits;
}

void FromBFloat16s(const void* from, void* to, size_t count) noexcept {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const auto* x = static_cast<const uint16_t*>(from);
  auto* y = static_cast<float*>(to);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, x + i)));
    hn::StoreU(hn::BitCast(d, bits), d, y + i);
  }
  for (; i < count; ++i) y[i] = ToFloat(BFloat16{x[i]});
}

}  // namespace

Conversion ConversionForTarget(ElementType from, ElementType to) {
  if (from == ElementType::kFloat32 && to == ElementType::kBFloat16) {
    return {"layout/float32_to_bfloat16", &ToBFloat16s};
  }
  if (from == ElementType::kBFloat16 && to == ElementType::kFloat32) {
    return {"layout/bfloat16_to_float32", &FromBFloat16s};
  }
  return {};
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Convert);
HWY_EXPORT(ConversionForTarget);

Conversion FindConversion(ElementType from, ElementType to) noexcept {
  return KINGLET_RESOLVE(ConversionForTarget)(from, to);
}

}  // namespace kinglet::kernels
#endif
