// Building small graphs in tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/graph.h"

namespace kinglet::testing {

class GraphBuilder {
 public:
  explicit GraphBuilder(int opset = 17) : ir_(std::make_unique<GraphIr>()), opset_(opset) {
    ir_->source = "test";
  }

  // A float32 input unless said otherwise; -1 for a free size.
  ValueId Input(const std::string& name, Shape dims, DataType type = DataType::kFloat32) {
    Value value;
    value.name = name;
    value.type = type;
    value.has_shape = true;
    value.symbols.assign(dims.size(), "");
    value.dims = std::move(dims);
    const ValueId id = ir_->AddValue(std::move(value));
    ir_->inputs.push_back(id);
    return id;
  }
  ValueId Constant(Tensor tensor) {
    return ir_->AddConstant("constant" + std::to_string(ir_->values.size()), std::move(tensor));
  }
  ValueId Floats(Shape shape, const std::vector<float>& values) {
    return Constant(Tensor::From<float>(std::move(shape), values));
  }
  ValueId Ints(const std::vector<std::int64_t>& values) {
    return Constant(Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  std::vector<ValueId> Node(const std::string& op, std::vector<ValueId> inputs, std::size_t outputs,
                            Attributes attributes = {}) {
    kinglet::Node node;
    node.op = op;
    node.name = op + std::to_string(ir_->nodes.size());
    node.opset = opset_;
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    for (std::size_t i = 0; i < outputs; ++i) {
      Value value;
      value.name = node.name + ":" + std::to_string(i);
      node.outputs.push_back(ir_->AddValue(std::move(value)));
    }
    const std::vector<ValueId> made = node.outputs;
    ir_->AddNode(std::move(node));
    return made;
  }
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return Node(op, std::move(inputs), 1, std::move(attributes))[0];
  }
  void Output(ValueId id, const std::string& name = "") {
    if (!name.empty()) ir_->value(id).name = name;
    ir_->outputs.push_back(id);
  }
  GraphIr& ir() { return *ir_; }
  Graph Take() { return Graph(std::move(ir_)); }

 private:
  std::unique_ptr<GraphIr> ir_;
  int opset_;
};

// Values that look random and are the same everywhere: a tensor of the given shape in [-1, 1).
inline Tensor RandomTensor(Shape shape, std::uint32_t seed = 1) {
  Tensor tensor(DataType::kFloat32, std::move(shape));
  std::uint64_t state = 0x9E3779B97F4A7C15ULL * (seed + 1ULL);
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto bits = static_cast<std::int32_t>(state >> 32);
    tensor.data<float>()[i] = static_cast<float>(bits) / 2147483648.0f;
  }
  return tensor;
}

// The largest |a - b| / max(1, max |b|); infinity when shapes differ or a value is not finite.
inline double RelativeDifference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  double scale = 1;
  for (std::int64_t i = 0; i < b.size(); ++i) {
    const double x = a.data<float>()[i];
    const double y = b.data<float>()[i];
    if (!(std::abs(x) < 1e30) || !(std::abs(y) < 1e30)) {
      return std::numeric_limits<double>::infinity();
    }
    largest = std::max(largest, std::abs(x - y));
    scale = std::max(scale, std::abs(y));
  }
  return largest / scale;
}

}  // namespace kinglet::testing
