// Sums of integer products to codes, in registers (kernels/common/epilogue.h has the formula).
// Include kernels/common/dispatch.h first.
#if defined(KINGLET_REQUANTISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_REQUANTISE_INL_H_
#undef KINGLET_REQUANTISE_INL_H_
#else
#define KINGLET_REQUANTISE_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// acc + x[0] * w[0] + x[1] * w[1] of the pairs of int16 that lie in each 32 bits, modulo 2^32.
template <class D, class V>
HWY_INLINE V AddPairs([[maybe_unused]] D d, V x, V w, V acc) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const hn::Repartition<int16_t, D> d16;
  V unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, x), hn::BitCast(d16, w), acc, unused);
#else
  const V low =
      hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(x)), hn::ShiftRight<16>(hn::ShiftLeft<16>(w)));
  return hn::Add(acc, hn::Add(low, hn::Mul(hn::ShiftRight<16>(x), hn::ShiftRight<16>(w))));
#endif
}

// Of sums times finite scales: no product is NaN then.
struct CodeBounds {
  explicit CodeBounds(const Epilogue& e)
      : low(CodesOf(e).low), high(CodesOf(e).high), zero_point(e.requantisation.zero_point) {}

  float low, high;
  int32_t zero_point;
};

// The codes of as many sums as a vector has. Numbers of so few bits are rounded, halves to even, by
// the addition of one whose last bit counts ones.
template <class DI, class VI, class VF>
HWY_INLINE VI CodesOfSums(DI di, VI sums, VF scales, const CodeBounds& bounds) {
  namespace hn = hwy::HWY_NAMESPACE;
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  constexpr int32_t kShiftBits = 0x4B400000;
  const hn::Rebind<float, DI> df;
  const VF scaled = hn::Mul(hn::ConvertTo(df, sums), scales);
  const VF code = hn::Min(hn::Max(scaled, hn::Set(df, bounds.low)), hn::Set(df, bounds.high));
  const VI bits = hn::BitCast(di, hn::Add(code, hn::Set(df, kShift)));
  return hn::Sub(bits, hn::Set(di, kShiftBits - bounds.zero_point));
}

// Stores them at `to`, any alignment.
template <class DI, class VI, class VF>
HWY_INLINE void StoreCodes(DI di, VI sums, VF scales, const CodeBounds& bounds, uint8_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint8_t, DI> d8;
  hn::StoreU(hn::DemoteTo(d8, CodesOfSums(di, sums, scales, bounds)), d8, to);
}

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
// The same of two vectors with the sums of neighbouring channels.
template <class DI, class VI, class VF>
HWY_INLINE void StoreCodes(DI di, const VI (&sums)[2], const VF (&scales)[2],
                           const CodeBounds& bounds, uint8_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Repartition<int16_t, DI> d16;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  // Four channels of the first vector, four of the second one, and so on.
  const auto codes = hn::ReorderDemote2To(d16, CodesOfSums(di, sums[0], scales[0], bounds),
                                          CodesOfSums(di, sums[1], scales[1], bounds));
#if HWY_TARGET == HWY_AVX2
  alignas(16) static constexpr uint8_t kOrder[16] = {0, 1, 2, 3, 8,  9,  10, 11,
                                                     4, 5, 6, 7, 12, 13, 14, 15};
  hn::StoreU(hn::TableLookupBytes(hn::DemoteTo(d8, codes), hn::Load(d8, kOrder)), d8, to);
#else
  const hn::Repartition<uint32_t, decltype(d8)> fours;
  alignas(32) static constexpr uint32_t kOrder[8] = {0, 2, 4, 6, 1, 3, 5, 7};
  const auto in_order = hn::TableLookupLanes(hn::BitCast(fours, hn::DemoteTo(d8, codes)),
                                             hn::SetTableIndices(fours, kOrder));
  hn::StoreU(hn::BitCast(d8, in_order), d8, to);
#endif
}
#endif

// Whatever the epilogue and the scales are.
template <class DI, class VI, class VF>
HWY_INLINE void StoreAnyCodes(DI /* tag */, VI sums, VF scales, const Epilogue& e, uint8_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<float, DI> df;
  const hn::Rebind<uint8_t, DI> d8;
  const VF scaled = hn::Mul(ActivateVec(df, hn::ConvertTo(df, sums), e), scales);
  hn::StoreU(hn::DemoteTo(d8, CodesVec(df, scaled, e)), d8, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_REQUANTISE_INL_H_
