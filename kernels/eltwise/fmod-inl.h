// Remainders of float32 vectors. Include kernels/common/dispatch.h first.
//
// a - trunc(a / b) * b in double, exact where the quotient is below 2^28: from below, a quotient of
// two float32 is at least 2^-24 away from the next integer, further than double rounds it, and the
// product has 52 bits. The rest is left to the C library: larger quotients, and what is not finite.
#if defined(KINGLET_FMOD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_FMOD_INL_H_
#undef KINGLET_FMOD_INL_H_
#else
#define KINGLET_FMOD_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <limits>

#include "hwy/highway.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

using FmodTag = hn::CappedTag<double, 8>;
using FmodFloatTag = hn::Rebind<float, FmodTag>;

// y[i] = fmod(a[i], b[i]) of as many values as there are doubles in a vector.
HWY_INLINE HWY_MAYBE_UNUSED void FmodOf(const float* a, const float* b, float* y) {
  const FmodTag d;
  const FmodFloatTag df;
  const auto dividend = hn::LoadU(df, a);
  const auto x = hn::PromoteTo(d, dividend), divisor = hn::PromoteTo(d, hn::LoadU(df, b));
  const auto quotient = hn::Trunc(hn::Div(x, divisor));
  const auto rest = hn::DemoteTo(df, hn::NegMulAdd(quotient, divisor, x));
  const auto infinity = hn::Set(d, std::numeric_limits<double>::infinity());
  const auto exact =
      hn::And(hn::Lt(hn::Abs(quotient), hn::Set(d, 0x1p28)), hn::Lt(hn::Abs(divisor), infinity));
  if (HWY_LIKELY(hn::AllTrue(d, exact))) {
    hn::StoreU(hn::CopySign(rest, dividend), df, y);
    return;
  }
  for (size_t i = 0; i < hn::Lanes(d); ++i) y[i] = std::fmod(a[i], b[i]);
}

struct FmodOp {
  static HWY_INLINE HWY_MAYBE_UNUSED ArrayVec Run(ArrayVec a, ArrayVec b) {
    const ArrayTag d;
    HWY_ALIGN float dividends[hn::MaxLanes(d)];
    HWY_ALIGN float divisors[hn::MaxLanes(d)];
    HWY_ALIGN float rests[hn::MaxLanes(d)];
    hn::Store(a, d, dividends);
    hn::Store(b, d, divisors);
    for (size_t i = 0; i < hn::MaxLanes(d); i += hn::MaxLanes(FmodTag())) {
      FmodOf(dividends + i, divisors + i, rests + i);
    }
    return hn::Load(d, rests);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_FMOD_INL_H_
