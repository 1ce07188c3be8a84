// Short forms for tests of single operators.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/infer/evaluate.h"
#include "kinglet/error.h"

namespace kinglet::test {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;
using AttributeList = std::initializer_list<std::pair<const char*, Attribute>>;

inline Attribute Int(std::int64_t value) { return Attribute(value); }
inline Attribute Float(float value) { return Attribute(value); }
inline Attribute Text(const char* value) { return Attribute(std::string(value)); }

inline Attributes MakeAttributes(AttributeList list) {
  Attributes attributes;
  for (const auto& [name, value] : list) attributes.Set(name, value);
  return attributes;
}

// A node with `inputs` present inputs.
inline Node MakeNode(const std::string& op, std::size_t inputs, AttributeList list = {},
                     int opset = 17, std::size_t outputs = 1) {
  Node node;
  node.name = "test_" + op;
  node.op = op;
  node.opset = opset;
  node.attributes = MakeAttributes(list);
  for (std::size_t i = 0; i < inputs; ++i) node.inputs.push_back(static_cast<ValueId>(i));
  for (std::size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(static_cast<ValueId>(inputs + i));
  }
  return node;
}

inline Tensor RunOp(const std::string& op, const std::vector<Tensor>& inputs,
                    AttributeList list = {}, int opset = 17) {
  return EvaluateOp(op, inputs, MakeAttributes(list), opset)[0];
}

template <typename T>
Tensor Of(Shape shape, std::vector<T> values) {
  return Tensor::From<T>(std::move(shape), values);
}

// Values in [low, high), the same ones for the same seed.
inline Tensor Random(Shape shape, unsigned seed, float low = -1.0f, float high = 1.0f) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  Tensor tensor(DataType::kFloat32, std::move(shape));
  float* data = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.size(); ++i) data[i] = uniform(generator);
  return tensor;
}

template <typename T>
std::vector<T> ValuesOf(const Tensor& tensor) {
  const T* data = tensor.data<T>();
  return std::vector<T>(data, data + tensor.size());
}

// Equal shapes, and |found - expected| <= tolerance * (1 + |expected|); NaN equals NaN.
inline void ExpectNear(const Tensor& found, const Tensor& expected, float tolerance = 1e-6f) {
  ASSERT_EQ(found.shape(), expected.shape());
  const float* a = found.data<float>();
  const float* b = expected.data<float>();
  for (std::int64_t i = 0; i < found.size(); ++i) {
    if (std::isnan(b[i]) && std::isnan(a[i])) continue;
    if (a[i] == b[i]) continue;  // infinities
    ASSERT_LE(std::abs(a[i] - b[i]), tolerance * (1.0f + std::abs(b[i])))
        << "at " << i << ": " << a[i] << ", expected " << b[i];
  }
}

template <typename F>
void ExpectError(ErrorCode code, F&& function) {
  try {
    function();
    ADD_FAILURE() << "no error, expected " << ErrorCodeName(code);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

}  // namespace kinglet::test
