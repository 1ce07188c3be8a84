// Powers of float32 vectors. Include kernels/common/dispatch.h first.
//
// base^exponent = 2^(exponent * log2(base)) in double, where half an ulp of float32 is far away.
// log2(m) = z * p(z^2) with z = (m - 1) / (m + 1), of the mantissa m in [sqrt(1/2), sqrt(2)), and
// 2^f, |f| <= 1/2, by polynomials through Chebyshev's points: 1e-11 and 3e-9 relative. Bases that
// are no normal number or zero, and results beyond the normal range, are left to the C library.
#if defined(KINGLET_POW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_POW_INL_H_
#undef KINGLET_POW_INL_H_
#else
#define KINGLET_POW_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

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
  PowVec p = hn::Set(d, 0.3407118600411897);
  p = hn::MulAdd(p, z2, hn::Set(d, 0.41167377684976103));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.5770835658047857));
  p = hn::MulAdd(p, z2, hn::Set(d, 0.9617966734528698));
  p = hn::MulAdd(p, z2, hn::Set(d, 2.8853900817899856));
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
  PowVec p = hn::Set(d, 0.00015461444724808513);
  p = hn::MulAdd(p, f, hn::Set(d, 0.0013400428177711937));
  p = hn::MulAdd(p, f, hn::Set(d, 0.00961805667843204));
  p = hn::MulAdd(p, f, hn::Set(d, 0.05550327226669895));
  p = hn::MulAdd(p, f, hn::Set(d, 0.24022650922289554));
  p = hn::MulAdd(p, f, hn::Set(d, 0.6931472067028329));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0));
  const auto exponent = hn::ShiftLeft<52>(hn::BitCast(di, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

// Where vectors are not enough: y, but for the lanes that are not done.
inline HWY_NOINLINE HWY_MAYBE_UNUSED PowFloatVec PowByLanes(PowFloatVec base, PowFloatVec exponent,
                                                            PowFloatVec y, PowFloatVec done) {
  const PowFloatTag df;
  constexpr size_t kLanes = hn::MaxLanes(PowFloatTag());
  HWY_ALIGN float bases[kLanes], exponents[kLanes], results[kLanes], is_done[kLanes];
  hn::Store(base, df, bases);
  hn::Store(exponent, df, exponents);
  hn::Store(y, df, results);
  hn::Store(done, df, is_done);
  for (size_t i = 0; i < kLanes; ++i) {
    if (is_done[i] == 0.0f) results[i] = std::pow(bases[i], exponents[i]);
  }
  return hn::Load(df, results);
}

// Negative bases too, whose powers are numbers for whole exponents, and zeros, which are frequent
// behind a Relu.
inline HWY_NOINLINE HWY_MAYBE_UNUSED PowFloatVec PowOfAny(PowFloatVec base, PowFloatVec exponent) {
  const PowTag d;
  const PowFloatTag df;
  const hn::RebindToSigned<PowFloatTag> di;
  const PowFloatVec positive = hn::Abs(base), one = hn::Set(df, 1.0f);
  const auto bits = hn::BitCast(di, positive);
  const PowVec x = ScaledLog2(positive, exponent);
  const auto in_range = hn::And(hn::Le(x, hn::Set(d, 127.0)), hn::Ge(x, hn::Set(d, -125.0)));
  const PowVec limited = hn::Max(hn::Min(x, hn::Set(d, 127.0)), hn::Set(d, -125.0));
  PowFloatVec y = hn::DemoteTo(df, Exp2Vec(limited));
  const PowFloatVec half = hn::Mul(exponent, hn::Set(df, 0.5f));
  const auto is_negative = hn::Lt(base, hn::Zero(df));
  const auto is_whole = hn::Eq(hn::Round(exponent), exponent);
  const auto is_even = hn::Eq(hn::Round(half), half);
  const PowFloatVec signed_y = hn::IfThenElse(is_whole, hn::IfThenElse(is_even, y, hn::Neg(y)),
                                              hn::Set(df, std::numeric_limits<float>::quiet_NaN()));
  y = hn::IfThenElse(is_negative, signed_y, y);
  const auto is_zero =
      hn::And(hn::RebindMask(df, hn::Eq(hn::BitCast(di, base), hn::Zero(di))),
              hn::And(hn::Gt(exponent, hn::Zero(df)), hn::Lt(exponent, hn::Set(df, 3.4e38f))));
  y = hn::IfThenZeroElse(is_zero, y);
  const auto is_normal = hn::RebindMask(
      df, hn::And(hn::Gt(bits, hn::Set(di, 0x007fffff)), hn::Lt(bits, hn::Set(di, 0x7f800000))));
  const auto reached = hn::Eq(hn::DemoteTo(df, hn::IfThenElseZero(in_range, hn::Set(d, 1.0))), one);
  const auto done = hn::Or(is_zero, hn::And(reached, is_normal));
  if (hn::AllTrue(df, done)) return y;
  return PowByLanes(base, exponent, y, hn::IfThenElseZero(done, one));
}

HWY_INLINE HWY_MAYBE_UNUSED PowFloatVec PowOf(PowFloatVec base, PowFloatVec exponent) {
  const PowTag d;
  const PowFloatTag df;
  const hn::RebindToSigned<PowFloatTag> di;
  const auto bits = hn::BitCast(di, base);
  const PowVec x = ScaledLog2(base, exponent);
  const auto in_range = hn::And(hn::Le(x, hn::Set(d, 127.0)), hn::Ge(x, hn::Set(d, -125.0)));
  const auto is_normal =
      hn::And(hn::Gt(bits, hn::Set(di, 0x007fffff)), hn::Lt(bits, hn::Set(di, 0x7f800000)));
  if (HWY_LIKELY(hn::AllTrue(d, in_range) && hn::AllTrue(di, is_normal))) {
    return hn::DemoteTo(df, Exp2Vec(x));
  }
  return PowOfAny(base, exponent);
}

// y[i] = a[i * a_step]^b[i * b_step], the steps being 0 or 1.
HWY_INLINE HWY_MAYBE_UNUSED void PowArrays(const float* a, size_t a_step, const float* b,
                                           size_t b_step, float* y, size_t n) {
  const PowFloatTag df;
  constexpr size_t kLanes = hn::MaxLanes(PowFloatTag());
  const auto load = [&](const float* x, size_t step, size_t i)
                        HWY_ATTR { return step == 0 ? hn::Set(df, *x) : hn::LoadU(df, x + i); };
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(PowOf(load(a, a_step, i), load(b, b_step, i)), df, y + i);
  }
  for (; i < n; ++i) y[i] = std::pow(a[i * a_step], b[i * b_step]);
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
