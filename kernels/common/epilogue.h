// What a kernel does to its accumulators before it stores them.
#pragma once

#include <cstdint>
#include <limits>

namespace kinglet::kernels {

// f(x) with the parameters alpha and beta of Epilogue, as ONNX defines the operators of these
// names.
enum class Activation : uint8_t {
  kNone,         // x
  kRelu,         // max(x, 0)
  kClip,         // min(max(x, alpha), beta)
  kLeakyRelu,    // x < 0 ? alpha * x : x
  kSigmoid,      // 1 / (1 + exp(-x))
  kHardSigmoid,  // clamp(alpha * x + beta, 0, 1)
  kHardSwish,    // x * clamp(x / 6 + 1 / 2, 0, 1)
  kSilu,         // x / (1 + exp(-x))
  kTanh,         // tanh(x)
};

struct Epilogue {
  Activation activation = Activation::kNone;
  float alpha = 0.0f;  // kClip: lower bound
  float beta = 0.0f;   // kClip: upper bound
};

// Identity, rectifier and clip are one clamp, which kernels apply in registers.
constexpr bool IsClamp(const Epilogue& e) { return e.activation <= Activation::kClip; }
constexpr float ClampLow(const Epilogue& e) {
  return e.activation == Activation::kRelu   ? 0.0f
         : e.activation == Activation::kClip ? e.alpha
                                             : -std::numeric_limits<float>::infinity();
}
constexpr float ClampHigh(const Epilogue& e) {
  return e.activation == Activation::kClip ? e.beta : std::numeric_limits<float>::infinity();
}

// Whether f(0) is 0, so that pad lanes of a blocked tensor stay zero without a mask.
constexpr bool KeepsZero(const Epilogue& e) {
  switch (e.activation) {
    case Activation::kClip:
      return e.alpha <= 0.0f && e.beta >= 0.0f;
    case Activation::kSigmoid:
      return false;
    case Activation::kHardSigmoid:
      return e.beta <= 0.0f;
    default:
      return true;
  }
}

}  // namespace kinglet::kernels
