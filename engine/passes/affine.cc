#include "engine/passes/affine.h"

#include <cmath>

namespace kinglet {
namespace {

// A constant as one value per channel: a scalar, or sizes of one but for the channel axis.
std::optional<std::vector<double>> PerChannel(const GraphIr& graph, ValueId id,
                                              const ChannelAxis& axis) {
  const Tensor* tensor = graph.ConstantOf(id);
  if (tensor == nullptr || tensor->type() != DataType::kFloat32) return {};
  const Shape& shape = tensor->shape();
  if (shape.size() > axis.rank) return {};
  const auto* data = tensor->data<float>();
  if (tensor->size() == 1) {
    return std::vector<double>(static_cast<std::size_t>(axis.channels), data[0]);
  }
  // Aligned at the end.
  const std::size_t offset = axis.rank - shape.size();
  if (offset > axis.axis || tensor->size() != axis.channels) return {};
  if (shape[axis.axis - offset] != axis.channels) return {};
  return std::vector<double>(data, data + axis.channels);
}

std::optional<Affine> BatchNorm(const GraphIr& graph, const Node& node) {
  const Tensor* parameters[4];
  for (std::size_t i = 0; i < 4; ++i) {
    parameters[i] = graph.ConstantOf(node.input(i + 1));
    if (parameters[i] == nullptr || parameters[i]->type() != DataType::kFloat32 ||
        parameters[i]->size() != parameters[0]->size()) {
      return {};
    }
  }
  if (node.outputs.size() > 1 || node.attributes.Int("training_mode", 0) != 0 ||
      node.attributes.Int("spatial", 1) != 1) {
    return {};
  }
  const double epsilon = node.attributes.Float("epsilon", 1e-5f);
  Affine affine;
  for (std::int64_t c = 0; c < parameters[0]->size(); ++c) {
    const double variance = parameters[3]->data<float>()[c];
    const double scale = parameters[0]->data<float>()[c] / std::sqrt(variance + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back(parameters[1]->data<float>()[c] -
                           scale * parameters[2]->data<float>()[c]);
  }
  return affine;
}

}  // namespace

std::optional<Affine> AffineOf(const GraphIr& graph, const Node& node, std::size_t data,
                               const ChannelAxis& axis) {
  if (!node.domain.empty() || !node.fusion.empty()) return {};
  if (node.op == "BatchNormalization") {
    return data == 0 && axis.axis == 1 ? BatchNorm(graph, node) : std::nullopt;
  }
  if (node.inputs.size() != 2) return {};
  const bool swapped = data == 1;
  if ((node.op == "Sub" || node.op == "Div") && swapped) return {};
  const auto values = PerChannel(graph, node.inputs[1 - data], axis);
  if (!values) return {};
  const std::vector<double> ones(values->size(), 1.0);
  const std::vector<double> zeros(values->size(), 0.0);
  if (node.op == "Mul") return Affine{*values, zeros};
  if (node.op == "Add") return Affine{ones, *values};
  std::vector<double> changed = *values;
  if (node.op == "Sub") {
    for (double& v : changed) v = -v;
    return Affine{ones, changed};
  }
  if (node.op == "Div") {
    for (double& v : changed) {
      if (v == 0) return {};
      v = 1 / v;
    }
    return Affine{changed, zeros};
  }
  return {};
}

}  // namespace kinglet
