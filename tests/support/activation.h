// Activations in double precision, and all of them to try.
#pragma once

#include <utility>
#include <vector>

#include "kernels/common/epilogue.h"

namespace kinglet::testing {

// The scalar form in double precision. It is checked against formulas of their own in
// tests/kernels/eltwise/unary_test.cc.
inline double Activate(const kernels::Epilogue& e, double x) {
  return kernels::ActivateScalar<double>(e.activation, x, e.alpha, e.beta);
}

// Each activation, with parameters that keep zero and that do not.
inline std::vector<kernels::Epilogue> AllEpilogues() {
  using kernels::Activation;
  std::vector<kernels::Epilogue> all;
  for (const kernels::ActivationFacts& facts : kernels::kActivations) {
    all.push_back({facts.activation, facts.alpha, facts.beta});
  }
  for (const auto& [low, high] : {std::pair{0.0f, 6.0f}, std::pair{0.25f, 0.75f}}) {
    all.push_back({Activation::kClip, low, high});
  }
  all.push_back({Activation::kLeakyRelu, 0.1f});
  return all;
}

}  // namespace kinglet::testing
