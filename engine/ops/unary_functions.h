// The element functions of ONNX's unary operators, as ONNX defines them: scalar code for any
// floating-point type, and for signed integers where the operator has them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/common/activation.h"

namespace kinglet::unary {

// Attributes, in the order of the operator's definition.
template <typename T>
struct Params {
  T alpha = 0;
  T beta = 0;
};

// Negation of the smallest integer wraps around instead of overflowing.
template <typename T>
T Negate(T x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(0u - static_cast<std::make_unsigned_t<T>>(x));
  } else {
    return -x;
  }
}

template <typename T>
T Magnitude(T x) {
  if constexpr (std::is_unsigned_v<T>) return x;
  if constexpr (std::is_floating_point_v<T>) return std::abs(x);
  return x < T{} ? Negate(x) : x;
}
template <typename T>
T SignOf(T x) {  // NaN stays
  if constexpr (std::is_unsigned_v<T>) return x > T{0} ? T{1} : T{0};
  return x > T{} ? T{1} : x < T{} ? static_cast<T>(-1) : x;
}
template <typename T>
T SoftplusOf(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

#define KINGLET_UNARY(Name, expression)                     \
  struct Name {                                             \
    template <typename T>                                   \
    static T Of(T x, [[maybe_unused]] const Params<T>& p) { \
      return expression;                                    \
    }                                                       \
  };

KINGLET_UNARY(Abs, Magnitude(x))
KINGLET_UNARY(Acos, std::acos(x))
KINGLET_UNARY(Acosh, std::acosh(x))
KINGLET_UNARY(Asin, std::asin(x))
KINGLET_UNARY(Asinh, std::asinh(x))
KINGLET_UNARY(Atan, std::atan(x))
KINGLET_UNARY(Atanh, std::atanh(x))
KINGLET_UNARY(Ceil, std::ceil(x))
KINGLET_UNARY(Celu, std::max(x, T{0}) + std::min(T{0}, p.alpha* std::expm1(x / p.alpha)))
KINGLET_UNARY(Cos, std::cos(x))
KINGLET_UNARY(Cosh, std::cosh(x))
KINGLET_UNARY(Elu, x < T{0} ? p.alpha * std::expm1(x) : x)
KINGLET_UNARY(Erf, std::erf(x))
KINGLET_UNARY(Exp, std::exp(x))
KINGLET_UNARY(Floor, std::floor(x))
KINGLET_UNARY(Gelu, T{0.5} * x * (T{1} + std::erf(x * static_cast<T>(0.70710678118654752440))))
KINGLET_UNARY(GeluTanh, T{0.5} * x *
                            (T{1} + std::tanh(static_cast<T>(0.79788456080286535588) *
                                              (x + static_cast<T>(0.044715) * x * x * x))))
KINGLET_UNARY(Log, std::log(x))
KINGLET_UNARY(Mish, x* std::tanh(SoftplusOf(x)))
KINGLET_UNARY(Neg, Negate(x))
KINGLET_UNARY(Reciprocal, T{1} / x)
KINGLET_UNARY(Round, std::nearbyint(x))  // halves to even
KINGLET_UNARY(Selu, x > T{0} ? p.beta * x : p.beta * (p.alpha * std::expm1(x)))
KINGLET_UNARY(Shrink, x<-p.beta ? x + p.alpha : x> p.beta ? x - p.alpha : T{0})
KINGLET_UNARY(Sign, SignOf(x))
KINGLET_UNARY(Sin, std::sin(x))
KINGLET_UNARY(Sinh, std::sinh(x))
KINGLET_UNARY(Softplus, SoftplusOf(x))
KINGLET_UNARY(Softsign, x / (T{1} + std::abs(x)))
KINGLET_UNARY(Sqrt, std::sqrt(x))
KINGLET_UNARY(Tan, std::tan(x))
KINGLET_UNARY(ThresholdedRelu, x > p.alpha ? x : T{0})

#define KINGLET_ACTIVATION(Name, ...) KINGLET_UNARY(Name, kernels::scalar::Name(x, p.alpha, p.beta))
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION

#undef KINGLET_UNARY

}  // namespace kinglet::unary
