// Powers of float32 vectors. Include kernels/common/dispatch.h first.
//
// base^exponent = 2^(exponent * log2(base)) in double, where half an ulp of float32 is far away:
// log2 of the mantissa in [sqrt(1/2), sqrt(2)) by the series of the inverse hyperbolic tangent,
// 2^f of the fraction by its Taylor series. Bases that are no positive normal number or zero, and
// results beyond the normal range, are left to the C library.
#if defined(KINGLET_POW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_POW_INL_H_
#undef KINGLET_POW_INL_H_
#else
#define KINGLET_POW_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

using PowTag = hn::CappedTag<double, 8>;
using PowFloatTag = hn::Rebind<float, PowTag>;
using PowVec = hn::Vec<PowTag>;
using PowFloatVec = hn::Vec<PowFloatTag>;

// exponent * log2(base) of positive normal bases.
HWY_INLINE HWY_MAYBE_UNUSED PowVec ScaledLog2(PowFloatVec base, PowFloatVec exponent) {
  const PowTag d;
  const PowFloatTag df;
  const hn::RebindToSigned<PowFloatTag> di;
  const auto bits = hn::BitCast(di, base);
  const auto whole = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));  // of sqrt(1/2)
  const PowVec m = hn::PromoteTo(d, hn::BitCast(df, hn::Sub(bits, hn::ShiftLeft<23>(whole))));
  const PowVec one = hn::Set(d, 1.0);
  const PowVec z = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const PowVec z2 = hn::Mul(z, z);
  PowVec p = hn::Set(d, 0.19235933878519514);  // 2 / ((2k + 1) ln 2), k from 7 down to 0
  p = hn::MulAdd(p, z2, hn::Set(d, 0.22195308321368669));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.26230818925253882));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.32059889797532523));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.41219858311113243));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.57707801635558540));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.96179669392597567));
  p = hn::MulAdd(p, z2, hn::Set(d, 2.88539008177792680));
  const PowVec log2 = hn::MulAdd(p, z, hn::PromoteTo(d, whole));
  return hn::Mul(log2, hn::PromoteTo(d, exponent));
}

// 2^x, |x| <= 128.
HWY_INLINE HWY_MAYBE_UNUSED PowVec Exp2Vec(PowVec x) {
  const PowTag d;
  const hn::RebindToSigned<PowTag> di;
  const PowVec magic = hn::Set(d, 6755399441055744.0);  // 1.5 * 2^52: rounds to an integer
  const PowVec shifted = hn::Add(x, magic);
  const PowVec f = hn::Sub(x, hn::Sub(shifted, magic));
  PowVec p = hn::Set(d, 1.525273380405984e-5);  // ln(2)^k / k!, k from 7 down to 0
  p = hn::MulAdd(p, f, hn::Set(d, 1.5403530393381608e-4));
  p = hn::MulAdd(p, f, hn::Set(d, 1.3333558146428443e-3));
  p = hn::MulAdd(p, f, hn::Set(d, 9.618129107628477e-3));
  p = hn::MulAdd(p, f, hn::Set(d, 5.550410866482158e-2));
  p = hn::MulAdd(p, f, hn::Set(d, 2.402265069591007e-1));
  p = hn::MulAdd(p, f, hn::Set(d, 6.931471805599453e-1));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0));
  const auto exponent = hn::ShiftLeft<52>(hn::BitCast(di, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

HWY_INLINE HWY_MAYBE_UNUSED PowFloatVec PowOf(PowFloatVec base, PowFloatVec exponent) {
  const PowTag d;
  const PowFloatTag df;
  const hn::RebindToSigned<PowFloatTag> di;
  const auto bits = hn::BitCast(di, base);
  const PowVec wanted = ScaledLog2(base, exponent);
  const PowVec x = hn::Max(hn::Min(wanted, hn::Set(d, 200.0)), hn::Set(d, -200.0));
  const PowFloatVec size = hn::DemoteTo(df, x);
  const PowVec limited = hn::Max(hn::Min(x, hn::Set(d, 127.0)), hn::Set(d, -125.0));
  PowFloatVec y = hn::DemoteTo(df, Exp2Vec(limited));
  const auto is_normal = hn::RebindMask(
      df, hn::And(hn::Gt(bits, hn::Set(di, 0x007fffff)), hn::Lt(bits, hn::Set(di, 0x7f800000))));
  const auto is_zero = hn::And(hn::RebindMask(df, hn::Eq(bits, hn::Zero(di))),
                               hn::And(hn::Gt(exponent, hn::Zero(df)),
                                       hn::Lt(exponent, hn::Set(df, 3.4e38f))));
  const auto in_range =
      hn::And(hn::Le(size, hn::Set(df, 127.0f)), hn::Ge(size, hn::Set(df, -125.0f)));
  const auto done = hn::Or(is_zero, hn::And(is_normal, in_range));
  y = hn::IfThenZeroElse(is_zero, y);
  if (HWY_LIKELY(hn::AllTrue(df, done))) return y;
  constexpr size_t kLanes = hn::MaxLanes(PowFloatTag());
  HWY_ALIGN float bases[kLanes], exponents[kLanes], results[kLanes], good[kLanes];
  hn::Store(base, df, bases);
  hn::Store(exponent, df, exponents);
  hn::Store(y, df, results);
  hn::Store(hn::IfThenElseZero(done, hn::Set(df, 1.0f)), df, good);
  for (size_t i = 0; i < kLanes; ++i) {
    if (good[i] == 0.0f) results[i] = std::pow(bases[i], exponents[i]);
  }
  return hn::Load(df, results);
}

struct PowOp {
  static HWY_NOINLINE HWY_MAYBE_UNUSED ArrayVec Run(ArrayVec a, ArrayVec b) {
    const ArrayTag d;
    const PowFloatTag df;
    HWY_ALIGN float bases[hn::MaxLanes(d)];
    HWY_ALIGN float exponents[hn::MaxLanes(d)];
    hn::Store(a, d, bases);
    hn::Store(b, d, exponents);
    for (size_t i = 0; i < hn::MaxLanes(d); i += hn::MaxLanes(df)) {
      hn::StoreU(PowOf(hn::LoadU(df, bases + i), hn::LoadU(df, exponents + i)), df, bases + i);
    }
    return hn::Load(d, bases);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_POW_INL_H_
