#include "kernels/eltwise/unary.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/unary.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/eltwise/pow-inl.h"
#include "kernels/math/math.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Each operator is a struct with Run(d, x, a, b) on vectors.
#define KINGLET_UNARY(NAME, ...)                         \
  struct NAME {                                          \
    template <class D, class V = hn::Vec<D>>             \
    static HWY_INLINE V Run(D d, V x, V alpha, V beta) { \
      (void)d, (void)alpha, (void)beta;                  \
      __VA_ARGS__;                                       \
    }                                                    \
  }

#define KINGLET_ACTIVATION(Name, op, domain, a, b, array, formula, scalar, vector) \
  KINGLET_UNARY(Name##Op, return vector);
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION

KINGLET_UNARY(AbsOp, return hn::Abs(x));
KINGLET_UNARY(CeilOp, return hn::Ceil(x));
KINGLET_UNARY(FloorOp, return hn::Floor(x));
KINGLET_UNARY(NegOp, return hn::Neg(x));
KINGLET_UNARY(ReciprocalOp, return hn::Div(hn::Set(d, 1.0f), x));
KINGLET_UNARY(RoundOp, return hn::Round(x));
KINGLET_UNARY(SignOp, const V one = hn::Set(d, 1.0f);
              const V negative = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Neg(one), x);
              return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), one, negative));
KINGLET_UNARY(SoftsignOp, return hn::Div(x, hn::Add(hn::Set(d, 1.0f), hn::Abs(x))));
KINGLET_UNARY(SqrtOp, return hn::Sqrt(x));
KINGLET_UNARY(SquareOp, return hn::Mul(x, x));
KINGLET_UNARY(CubeOp, return hn::Mul(hn::Mul(x, x), x));
// Powers by roots, which differ from the roots in -0 (they give +0) and -infinity (+infinity).
KINGLET_UNARY(RootOp, const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
              return hn::IfThenElse(hn::Eq(x, hn::Neg(infinity)), infinity,
                                    hn::Sqrt(hn::Add(x, hn::Zero(d)))));
KINGLET_UNARY(ThreeQuartersOp, const V root = RootOp::Run(d, x, alpha, beta);
              return hn::Mul(root, hn::Sqrt(root)));
KINGLET_UNARY(ThresholdedReluOp, return hn::IfThenZeroElse(hn::Le(x, alpha), x));
#undef KINGLET_UNARY

template <class Op>
void Array(const float* x, float* y, size_t n, float a, float b) noexcept {
  const ArrayTag d;
  const auto va = hn::Set(d, a), vb = hn::Set(d, b);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(Op::Run(d, hn::LoadU(d, x + i), va, vb), d, y + i);
  }
  if (i < n) StoreTail(Op::Run(d, LoadTail(x + i, n - i), va, vb), y + i, n - i);
}

void Pow(const float* x, float* y, size_t n, float a, float b) noexcept {
  if (a == 2.0f) return Array<SquareOp>(x, y, n, a, b);
  if (a == 3.0f) return Array<CubeOp>(x, y, n, a, b);
  if (a == 1.0f) return Array<NoneOp>(x, y, n, a, b);
  if (a == 0.5f) return Array<RootOp>(x, y, n, a, b);
  if (a == 0.75f) return Array<ThreeQuartersOp>(x, y, n, a, b);
  if (a == -1.0f) return Array<ReciprocalOp>(x, y, n, a, b);
  PowArrays(x, 1, &a, 0, y, n);
}

}  // namespace

UnaryFn UnaryForTarget(UnaryOp op) {
  const MathTable& math = GetMathTable();
  switch (op) {
    case UnaryOp::kAbs:
      return Array<AbsOp>;
    case UnaryOp::kCeil:
      return Array<CeilOp>;
    case UnaryOp::kFloor:
      return Array<FloorOp>;
    case UnaryOp::kNeg:
      return Array<NegOp>;
    case UnaryOp::kPow:
      return Pow;
    case UnaryOp::kReciprocal:
      return Array<ReciprocalOp>;
    case UnaryOp::kRound:
      return Array<RoundOp>;
    case UnaryOp::kSign:
      return Array<SignOp>;
    case UnaryOp::kSoftsign:
      return Array<SoftsignOp>;
    case UnaryOp::kSqrt:
      return Array<SqrtOp>;
    case UnaryOp::kThresholdedRelu:
      return Array<ThresholdedReluOp>;
#define KINGLET_ACTIVATION(Name, op, domain, a, b, array, ...) \
  case UnaryOp::k##Name:                                       \
    return array;
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Unary);
HWY_EXPORT(UnaryForTarget);

UnaryFn GetUnary(UnaryOp op) noexcept {
  const MathTable& math = GetMathTable();
  switch (op) {
    case UnaryOp::kElu:
      return math.elu;
    case UnaryOp::kErf:
      return math.erf;
    case UnaryOp::kExp:
      return math.exp;
    case UnaryOp::kGelu:
      return math.gelu;
    case UnaryOp::kGeluTanh:
      return math.gelu_tanh;
    case UnaryOp::kLog:
      return math.log;
    case UnaryOp::kMish:
      return math.mish;
    case UnaryOp::kSelu:
      return math.selu;
    case UnaryOp::kSoftplus:
      return math.softplus;
    default:
      return KINGLET_RESOLVE(UnaryForTarget)(op);
  }
}

bool KeepsZero(UnaryOp op, float a, float b) noexcept {
  float zero = 0.0f, y = 0.0f;
  GetUnary(op)(&zero, &y, 1, a, b);
  return y == 0.0f;
}

UnaryOp UnaryOf(Activation activation) noexcept {
  switch (activation) {
#define KINGLET_ACTIVATION(Name, ...) \
  case Activation::k##Name:           \
    return UnaryOp::k##Name;
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
  }
  return UnaryOp::kNone;
}

}  // namespace kinglet::kernels
#endif
