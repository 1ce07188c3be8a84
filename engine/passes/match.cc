#include "engine/passes/match.h"

namespace kinglet {

std::optional<Ints> IntsOf(const GraphIr& graph, ValueId id) {
  const Tensor* tensor = graph.ConstantOf(id);
  if (tensor == nullptr || tensor->type() != DataType::kInt64) return {};
  return Ints(tensor->data<std::int64_t>(), tensor->data<std::int64_t>() + tensor->size());
}

const Node* Maker(const GraphIr& graph, ValueId id, std::string_view op, std::string_view domain) {
  if (id == kNoValue || graph.value(id).producer == kNoNode) return nullptr;
  const Node& node = graph.nodes[static_cast<std::size_t>(graph.value(id).producer)];
  return node.op == op && node.domain == domain ? &node : nullptr;
}

ValueId BehindFloatCast(const GraphIr& graph, ValueId id) {
  constexpr int kFloat = 1;  // in ONNX
  const Node* cast = Maker(graph, id, "Cast");
  return cast != nullptr && cast->attributes.Int("to", 0) == kFloat ? cast->inputs[0] : id;
}

Ints SqueezedAxes(const GraphIr& graph, const Node& node) {
  if (node.opset < 13) return node.attributes.Ints("axes");
  return IntsOf(graph, node.input(1)).value_or(Ints());
}

std::optional<ValueId> Unsqueezed(const GraphIr& graph, ValueId id, std::int64_t axis) {
  const Node* node = Maker(graph, id, "Unsqueeze");
  if (node == nullptr || SqueezedAxes(graph, *node) != Ints{axis}) return {};
  return node->inputs[0];
}

}  // namespace kinglet
