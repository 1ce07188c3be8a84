// Activations in double precision, by their formulas.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/epilogue.h"

namespace kinglet::testing {

inline double Activate(const kernels::Epilogue& e, double x) {
  using kernels::Activation;
  switch (e.activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kClip:
      return std::min<double>(std::max<double>(x, e.alpha), e.beta);
    case Activation::kLeakyRelu:
      return x < 0 ? e.alpha * x : x;
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kHardSigmoid:
      return std::clamp<double>(e.alpha * x + e.beta, 0, 1);
    case Activation::kHardSwish:
      return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
  }
  return x;
}

// Each activation, with parameters that keep zero and that do not.
inline std::vector<kernels::Epilogue> AllEpilogues() {
  using kernels::Activation;
  return {{},
          {Activation::kRelu},
          {Activation::kClip, 0.0f, 6.0f},
          {Activation::kClip, 0.25f, 0.75f},
          {Activation::kLeakyRelu, 0.1f},
          {Activation::kSigmoid},
          {Activation::kHardSigmoid, 0.2f, 0.5f},
          {Activation::kHardSwish},
          {Activation::kSilu},
          {Activation::kTanh}};
}

}  // namespace kinglet::testing
