// Functions of one float32 array, by name.
//
// y[i] = f(x[i]; a, b) for i in [0, n), f and its parameters as ONNX defines the operator.
// Alignment: any. Over-read, over-write: none. Aliasing: y may be x; otherwise no overlap.
// Bounds: exact for what is one IEEE operation or a selection; hard sigmoid and hard swish within
// 2^-22 * (1 + |x|) absolute; the transcendental ones as kernels/math/math.h. NaN gives NaN.
//
// Blocked tensors are arrays too. Where f(0) != 0 (KeepsZero), their pad lanes have to be cleared
// afterwards: zero_pad_lanes of kernels/eltwise/channel.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/activation.h"

namespace kinglet::kernels {

// The activations first, by their formulas there with alpha = a and beta = b; kNone is x itself.
enum class UnaryOp : uint8_t {
#define KINGLET_ACTIVATION(Name, ...) k##Name,
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
  kAbs,
  kCeil,
  kElu,       // x < 0 ? a * (exp(x) - 1) : x
  kErf,       //
  kExp,       //
  kFloor,     //
  kGelu,      // x / 2 * (1 + erf(x / sqrt 2))
  kGeluTanh,  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kLog,
  kMish,  // x * tanh(softplus(x))
  kNeg,
  kPow,  // x^a
  kReciprocal,
  kRound,     // half to even
  kSelu,      // b * (x <= 0 ? a * (exp(x) - 1) : x)
  kSign,      // -1, 0 or 1
  kSoftplus,  // log(1 + exp(x))
  kSoftsign,  // x / (1 + |x|)
  kSqrt,
  kThresholdedRelu,  // x > a ? x : 0
};
inline constexpr int kUnaryOpCount = static_cast<int>(UnaryOp::kThresholdedRelu) + 1;

using UnaryFn = void (*)(const float* x, float* y, size_t n, float a, float b) noexcept;

// The function for the active target. Fetch it at plan time.
UnaryFn GetUnary(UnaryOp op) noexcept;

// Whether f(0; a, b) == 0.
bool KeepsZero(UnaryOp op, float a, float b) noexcept;

// The operator that computes an activation; its a and b are the epilogue's alpha and beta.
UnaryOp UnaryOf(Activation activation) noexcept;

}  // namespace kinglet::kernels
