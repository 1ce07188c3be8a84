// Activations: functions of one element that kernels apply before they store it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace kinglet::kernels {

// kNone, kRelu, ... as kernels/common/activations.inc lists them.
enum class Activation : uint8_t {
#define KINGLET_ACTIVATION(Name, ...) k##Name,
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
};

struct ActivationFacts {
  Activation activation;
  const char* op;      // the operator that computes it: "LeakyRelu"
  const char* domain;  // "" for ONNX's own
  float alpha, beta;   // the operator's defaults
  const char* formula;
};

inline constexpr ActivationFacts kActivations[] = {
#define KINGLET_ACTIVATION(Name, op, domain, alpha, beta, array, formula, ...) \
  {Activation::k##Name, op, domain, alpha, beta, formula},
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
};

constexpr const ActivationFacts& FactsOf(Activation activation) {
  return kActivations[static_cast<int>(activation)];
}

// Operations on each element, by what the vector form is made of. Those that registers clamp to
// cost nothing beside what they are part of.
constexpr int ActivationOperations(Activation activation) {
  constexpr int kExponential = 26;  // and a quotient
  switch (activation) {
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kClip:
      return 0;
    case Activation::kLeakyRelu:
      return 3;
    case Activation::kHardSigmoid:
      return 4;
    case Activation::kHardSwish:
      return 5;
    case Activation::kSigmoid:
      return kExponential;
    case Activation::kSwish:
    case Activation::kTanh:
      return kExponential + 2;
  }
  return 0;
}

// The activation that an operator computes, or none.
constexpr std::optional<Activation> FindActivation(std::string_view domain, std::string_view op) {
  for (const ActivationFacts& facts : kActivations) {
    if (op == facts.op && domain == facts.domain) return facts.activation;
  }
  return {};
}

// min(max(x, low), high), a NaN in x handed on.
template <typename T>
T Clamped(T x, T low, T high) {
  x = x < low ? low : x;
  return high < x ? high : x;
}

// The scalar forms, each by its name: scalar::Relu(x, alpha, beta).
namespace scalar {
#define KINGLET_ACTIVATION(Name, op, domain, a, b, array, formula, scalar, vector)  \
  template <typename T>                                                             \
  T Name([[maybe_unused]] T x, [[maybe_unused]] T alpha, [[maybe_unused]] T beta) { \
    return scalar;                                                                  \
  }
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
}  // namespace scalar

template <typename T>
T ActivateScalar(Activation activation, T x, T alpha, T beta) {
  switch (activation) {
#define KINGLET_ACTIVATION(Name, ...) \
  case Activation::k##Name:           \
    return scalar::Name(x, alpha, beta);
#include "kernels/common/activations.inc"
#undef KINGLET_ACTIVATION
  }
  return x;
}

}  // namespace kinglet::kernels
