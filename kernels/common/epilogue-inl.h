// Epilogues on Highway vectors of float32: activations, and the conversions to what is stored. NaN
// stays NaN; the exponential is good to about 2 ulp in [-87, 88] and clamped beyond, sigmoid, swish
// and tanh to about 1e-6 relative (tanh near zero: 2e-7 absolute of its slope). Include
// kernels/common/dispatch.h first.
#if defined(KINGLET_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_EPILOGUE_INL_H_
#undef KINGLET_EPILOGUE_INL_H_
#else
#define KINGLET_EPILOGUE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/common/epilogue.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// min(max(x, low), high) that hands a NaN in x on: by operand order where the instruction returns
// its second operand then, by comparison where Highway emulates the other rule or, as on Arm, the
// instruction returns the number.
template <class V>
HWY_INLINE V ClampVec(V x, V low, V high) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_ARCH_ARM
  x = hn::IfThenElse(hn::Lt(x, low), low, x);
  return hn::IfThenElse(hn::Lt(high, x), high, x);
#else
  return hn::Min(high, hn::Max(low, x));
#endif
}

// exp(x) by 2^n * p(r), |r| <= ln2 / 2; the polynomial is Cephes' expf.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V ExpVec(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<D> di;
  x = ClampVec(x, hn::Set(d, -87.33654f), hn::Set(d, 88.37626f));
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  V p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, hn::Set(d, 1.0f)));
  // NaN has no integer; it stays in p. The exponent is added in two halves, so that n = 128 does
  // not overflow into infinity.
  const auto whole = hn::ConvertTo(di, hn::IfThenElse(hn::Eq(n, n), n, hn::Zero(d)));
  const auto half = hn::ShiftRight<1>(whole);
  const auto bias = hn::Set(di, 127);
  const V scale1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const V scale2 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(whole, half), bias)));
  return hn::Mul(hn::Mul(p, scale1), scale2);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V SigmoidVec(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, ExpVec(d, hn::Neg(x))));
}

// Near zero an odd polynomial (Cephes' tanhf), else 1 - 2 / (exp(2|x|) + 1) with the sign of x.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V TanhVec(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Abs(x);
  const V e = ExpVec(d, hn::Add(a, a));
  const V big = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one)));
  const V z = hn::Mul(x, x);
  V p = hn::Set(d, -5.70498872745e-3f);
  p = hn::MulAdd(p, z, hn::Set(d, 2.06390887954e-2f));
  p = hn::MulAdd(p, z, hn::Set(d, -5.37397155531e-2f));
  p = hn::MulAdd(p, z, hn::Set(d, 1.33314422036e-1f));
  p = hn::MulAdd(p, z, hn::Set(d, -3.33332819422e-1f));
  const V small = hn::MulAdd(hn::Mul(p, z), x, x);
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.625f)), small, hn::CopySign(big, x));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V ActivateVec([[maybe_unused]] D d, V x, const Epilogue& e) {
  namespace hn = hwy::HWY_NAMESPACE;
  [[maybe_unused]] const V alpha = hn::Set(d, e.alpha);
  [[maybe_unused]] const V beta = hn::Set(d, e.beta);
  switch (e.activation) {
#define KINGLET_ACTIVATION(Name, op, domain, a, b, array, formula, scalar, vector) \
  case Activation::k##Name:                                                        \
    return vector;
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
  }
  return x;
}

// The bits of bfloat16, of type i32: rounded to nearest, ties to even, NaN made quiet. Highway's
// own conversion truncates.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto BFloat16Bits(D /* tag */, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, x);
  const auto whole = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(whole, hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFFu))));
  const auto quiet = hn::Or(whole, hn::Set(du, 0x40u));
  const auto is_number = hn::RebindMask(du, hn::Eq(x, x));
  return hn::BitCast(hn::RebindToSigned<D>(), hn::IfThenElse(is_number, rounded, quiet));
}

// The codes of floats that are scaled already, of type i32.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto CodesVec(D d, V scaled, const Epilogue& e) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<D> di;
  const CodeRange codes = CodesOf(e);
  const V number = hn::IfThenElseZero(hn::Eq(scaled, scaled), scaled);
  const V code = ClampVec(number, hn::Set(d, codes.low), hn::Set(d, codes.high));
  // Rounded first: not every target's conversion rounds to even.
  return hn::Add(hn::ConvertTo(di, hn::Round(code)), hn::Set(di, e.requantisation.zero_point));
}

// Stores f(x) as Lanes(d) elements of e.type at `to`, any alignment. They belong to the output
// channels from `channel` on: a kernel that stores a pixel's channels side by side.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void StoreVec(D d, V x, const Epilogue& e, int64_t channel, void* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V y = ActivateVec(d, x, e);
  const auto scaled = [&]() HWY_ATTR {
    const Requantisation& r = e.requantisation;
    return hn::Mul(y, r.scales != nullptr ? hn::LoadU(d, r.scales + channel) : hn::Set(d, r.scale));
  };
  switch (e.type) {
    case ElementType::kBFloat16: {
      const hn::Rebind<uint16_t, D> d16;
      hn::StoreU(hn::DemoteTo(d16, BFloat16Bits(d, y)), d16, static_cast<uint16_t*>(to));
      break;
    }
    case ElementType::kInt8: {
      const hn::Rebind<int8_t, D> d8;
      hn::StoreU(hn::DemoteTo(d8, CodesVec(d, scaled(), e)), d8, static_cast<int8_t*>(to));
      break;
    }
    case ElementType::kUInt8: {
      const hn::Rebind<uint8_t, D> d8;
      hn::StoreU(hn::DemoteTo(d8, CodesVec(d, scaled(), e)), d8, static_cast<uint8_t*>(to));
      break;
    }
    default:
      hn::StoreU(y, d, static_cast<float*>(to));
  }
}

// values[0 .. count) = f(values), count a multiple of 16. Out of line: a kernel calls it for the
// tile that it has just stored when the activation is more than a clamp.
static HWY_NOINLINE HWY_MAYBE_UNUSED void ActivateSpan(const Epilogue& e, float* values,
                                                       size_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<float, 16> d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    hn::StoreU(ActivateVec(d, hn::LoadU(d, values + i), e), d, values + i);
  }
}

// Zeroes lanes [valid, 16) of `pixels` consecutive pixels of a blocked tensor.
static HWY_NOINLINE HWY_MAYBE_UNUSED void ZeroPadLanes(float* block, size_t pixels, size_t valid) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<float, 16> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t lane = valid / lanes * lanes; lane < 16; lane += lanes) {
    const auto mask = hn::FirstN(d, lane < valid ? valid - lane : 0);
    for (float* at = block + lane; at < block + pixels * 16; at += 16) {
      hn::StoreU(hn::IfThenElseZero(mask, hn::LoadU(d, at)), d, at);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_EPILOGUE_INL_H_
