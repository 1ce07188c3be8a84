// Activations of single values with the standard library's functions, for reference kernels.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/common/epilogue.h"

namespace kinglet::kernels {

inline float ActivateScalar(const Epilogue& e, float x) {
  // std::max(x, bound) and std::min hand a NaN in x on.
  const auto clamp = [](float v, float low, float high) {
    return std::min(std::max(v, low), high);
  };
  switch (e.activation) {
    case Activation::kLeakyRelu:
      return x < 0 ? x * e.alpha : x;
    case Activation::kSigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Activation::kHardSigmoid:
      return clamp(e.alpha * x + e.beta, 0.0f, 1.0f);
    case Activation::kHardSwish:
      return x * clamp(x / 6.0f + 0.5f, 0.0f, 1.0f);
    case Activation::kSilu:
      return x / (1.0f + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
    default:
      return clamp(x, ClampLow(e), ClampHigh(e));
  }
}

}  // namespace kinglet::kernels
