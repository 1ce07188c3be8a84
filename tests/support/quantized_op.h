// Short forms for tests of operators on quantised tensors.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/infer/evaluate.h"
#include "tests/support/op_runner.h"

namespace kinglet::testing {

inline constexpr const char* kMicrosoft = "com.microsoft";

// All outputs of one node of any domain; an input that is not defined is absent.
inline std::vector<Tensor> RunNode(const std::string& domain, const std::string& op,
                                   const std::vector<Tensor>& inputs, Attributes attributes = {},
                                   int opset = 1, std::size_t outputs = 1) {
  Node node = MakeNode(op, inputs.size(), std::move(attributes), opset, outputs, domain);
  std::vector<const Tensor*> pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    pointers.push_back(inputs[i].defined() ? &inputs[i] : nullptr);
    if (!inputs[i].defined()) node.inputs[i] = kNoValue;
  }
  return EvaluateNode(node, pointers);
}
inline Tensor RunMicrosoft(const std::string& op, const std::vector<Tensor>& inputs,
                           Attributes attributes = {}) {
  return RunNode(kMicrosoft, op, inputs, std::move(attributes))[0];
}

template <typename T>
Tensor Single(T value) {
  return Tensor::From<T>({}, {value});
}

// Any values of an integer type of 8 bits.
template <typename T>
Tensor RandomBytes(Shape shape, unsigned seed) {
  std::mt19937 generator(seed);
  Tensor tensor(DataTypeOf<T>::value, std::move(shape));
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<T>()[i] = static_cast<T>(static_cast<std::uint8_t>(generator() >> 24));
  }
  return tensor;
}

// Halves to even, saturated.
template <typename T>
T NearestOf(double value) {
  const double whole = std::nearbyint(value);
  if (whole <= static_cast<double>(std::numeric_limits<T>::lowest())) {
    return std::numeric_limits<T>::lowest();
  }
  if (whole >= static_cast<double>(std::numeric_limits<T>::max())) {
    return std::numeric_limits<T>::max();
  }
  return static_cast<T>(whole);
}

}  // namespace kinglet::testing
