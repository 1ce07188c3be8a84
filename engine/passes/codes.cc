#include "engine/passes/codes.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace kinglet {
namespace {

bool IsEightBits(DataType type) { return type == DataType::kInt8 || type == DataType::kUInt8; }

// Blocks of codes, and the types beyond 8 bits, stay as they are written.
bool IsPlain(const Node& node) {
  return node.domain.empty() && node.attributes.Int("block_size", 0) == 0;
}

const Tensor* ConstantScales(const GraphIr& graph, const Node& node) {
  const Tensor* scales = graph.ConstantOf(node.input(1));
  if (scales == nullptr || scales->type() != DataType::kFloat32 || scales->size() < 1) {
    return nullptr;
  }
  for (std::int64_t i = 0; i < scales->size(); ++i) {
    if (!IsUsableScale(scales->data<float>()[i])) return nullptr;
  }
  return scales;
}

ValueId ZeroOf(GraphIr& graph, const Node& node, DataType type) {
  return graph.AddConstant(node.name + "/zero_point/" + std::to_string(graph.values.size()),
                           Tensor(type, {}));
}

bool IsZero(const GraphIr& graph, ValueId zero) {
  if (zero == kNoValue) return true;
  const Tensor* tensor = graph.ConstantOf(zero);
  if (tensor == nullptr || tensor->type() != DataType::kInt32) return false;
  for (std::int64_t i = 0; i < tensor->size(); ++i) {
    if (tensor->data<std::int32_t>()[i] != 0) return false;
  }
  return true;
}

}  // namespace

std::int32_t FirstCode(const Tensor& tensor) {
  return tensor.type() == DataType::kInt8 ? std::int32_t{tensor.data<std::int8_t>()[0]}
                                          : std::int32_t{tensor.data<std::uint8_t>()[0]};
}

bool IsUsableScale(float scale) {
  return std::isfinite(scale) && scale >= std::numeric_limits<float>::min();
}

std::optional<Codes> CodesOf(GraphIr& graph, const Node& node, ValueId codes, DataType type) {
  if (!IsPlain(node)) return {};
  const Tensor* scales = ConstantScales(graph, node);
  if (scales == nullptr || scales->size() != 1) return {};
  Codes found;
  found.codes = codes;
  found.scale = node.input(1);
  found.step = scales->data<float>()[0];
  found.zero = node.input(2);
  if (found.zero == kNoValue) {
    if (!IsEightBits(type)) return {};
    found.type = type;
    found.zero = ZeroOf(graph, node, type);
    return found;
  }
  const Tensor* zero = graph.ConstantOf(found.zero);
  if (zero == nullptr || zero->size() != 1 || !IsEightBits(zero->type())) return {};
  if (IsEightBits(type) && zero->type() != type) return {};
  found.type = zero->type();
  found.zero_point = FirstCode(*zero);
  return found;
}

std::optional<CodedWeights> CodedWeightsOf(GraphIr& graph, const Node& node, std::int64_t axis) {
  if (!IsPlain(node)) return {};
  const Tensor* codes = graph.ConstantOf(node.input(0));
  const Tensor* scales = ConstantScales(graph, node);
  if (codes == nullptr || !IsEightBits(codes->type()) || scales == nullptr) return {};
  const auto rank = static_cast<std::int64_t>(codes->shape().size());
  if (scales->size() != 1) {
    std::int64_t along = node.attributes.Int("axis", 1);
    if (along < 0) along += rank;
    if (along != axis || axis >= rank || scales->shape().size() != 1 ||
        scales->size() != codes->shape()[static_cast<std::size_t>(axis)]) {
      return {};
    }
  }
  CodedWeights found{node.input(0), node.input(1), node.input(2), *scales};
  if (found.zero == kNoValue) {
    found.zero = ZeroOf(graph, node, codes->type());
    return found;
  }
  const Tensor* zero = graph.ConstantOf(found.zero);
  const bool both_one = zero != nullptr && zero->size() == 1 && scales->size() == 1;
  if (zero == nullptr || zero->type() != codes->type() ||
      (!both_one && zero->shape() != scales->shape())) {
    return {};
  }
  return found;
}

std::optional<ValueId> IntegerBias(GraphIr& graph, ValueId bias, const Node* maker, float x_step,
                                   const CodedWeights& w, std::int64_t count) {
  constexpr double kLargest = 1 << 30;
  const Tensor* from = graph.ConstantOf(maker == nullptr ? bias : maker->input(0));
  const DataType type = maker == nullptr ? DataType::kFloat32 : DataType::kInt32;
  if (from == nullptr || from->type() != type || from->shape() != Shape{count}) return {};
  const Tensor* scales = nullptr;
  if (maker != nullptr) {
    scales = ConstantScales(graph, *maker);
    if (!IsPlain(*maker) || scales == nullptr || !IsZero(graph, maker->input(2)) ||
        (scales->size() != 1 && scales->size() != count)) {
      return {};
    }
  }
  bool same = maker != nullptr;
  std::vector<std::int32_t> steps(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const double step = static_cast<double>(x_step) * static_cast<double>(w.ScaleOf(i));
    double value = 0;
    if (maker == nullptr) {
      value = static_cast<double>(from->data<float>()[i]) / step;
    } else {
      const double scale = static_cast<double>(scales->data<float>()[scales->size() == 1 ? 0 : i]);
      same = same && std::abs(scale - step) <= 1e-6 * step;
      value = static_cast<double>(from->data<std::int32_t>()[i]) * (scale / step);
    }
    if (!(std::abs(value) <= kLargest)) return {};
    steps[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(std::nearbyint(value));
  }
  if (same) return maker->input(0);
  return graph.AddConstant(graph.value(bias).name + "/steps/" + std::to_string(graph.values.size()),
                           Tensor::From<std::int32_t>({count}, steps));
}

}  // namespace kinglet
