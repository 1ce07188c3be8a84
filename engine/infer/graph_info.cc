#include "kinglet/graph_info.h"

#include <algorithm>
#include <sstream>

#include "engine/graph/fusion.h"
#include "engine/infer/inference.h"

namespace kinglet {
namespace {

template <typename T>
void Append(std::ostream& text, const T& value) {
  text << value;
}
template <typename T>
void Append(std::ostream& text, const std::vector<T>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) text << (i > 0 ? "," : "") << values[i];
}
void Append(std::ostream& text, const Tensor& tensor) {
  text << DataTypeName(tensor.type()) << ' ' << ShapeToString(tensor.shape());
}
void Append(std::ostream& text, const std::shared_ptr<GraphIr>& graph) {
  text << "graph of " << graph->nodes.size() << " nodes";
}

std::string AttributeText(const Attribute& attribute) {
  std::ostringstream text;
  std::visit([&](const auto& value) { Append(text, value); }, attribute);
  return text.str();
}

class Describer {
 public:
  Describer(const GraphIr& graph, const GraphStates& states) : graph_(graph), states_(states) {}

  GraphInfo Describe() const {
    GraphInfo info;
    info.name = graph_.name;
    info.inputs = Values(graph_.inputs);
    info.outputs = Values(graph_.outputs);
    for (const Node& node : graph_.nodes) info.nodes.push_back(Describe(node));
    for (const Value& value : graph_.values) {
      info.constants += value.is_constant() ? 1 : 0;
      info.constant_bytes += value.constant.bytes();
    }
    return info;
  }

 private:
  ValueInfo Describe(ValueId id) const {
    ValueInfo info;
    if (id == kNoValue) return info;
    const Value& value = graph_.value(id);
    const TensorState& state = states_[static_cast<std::size_t>(id)];
    info.tensor = {value.name, value.type, value.has_shape, value.dims, value.symbols};
    info.constant = value.is_constant();
    if (state.type != DataType::kUndefined) {
      info.tensor = {value.name, state.type, true, state.shape, {}};
    }
    info.tensor.symbols.resize(info.tensor.shape.size());
    return info;
  }

  std::vector<ValueInfo> Values(const std::vector<ValueId>& ids) const {
    std::vector<ValueInfo> infos;
    for (const ValueId id : ids) infos.push_back(Describe(id));
    return infos;
  }

  NodeInfo Describe(const Node& node) const {
    NodeInfo info;
    info.name = node.name;
    info.op = node.op;
    info.domain = node.domain;
    info.opset = node.opset;
    info.fusion = FusionText(node.fusion);
    for (const auto& [name, attribute] : node.attributes) {
      info.attributes.push_back({name, AttributeText(attribute)});
    }
    info.inputs = Values(node.inputs);
    info.outputs = Values(node.outputs);
    for (const auto& subgraph : SubgraphsOf(node)) {
      info.subgraphs.push_back(
          Describer(*subgraph, GraphStates(subgraph->values.size())).Describe());
    }
    return info;
  }

  const GraphIr& graph_;
  const GraphStates& states_;
};

}  // namespace

GraphInfo DescribeGraph(const Graph& graph, const InputShapes& shapes) {
  const GraphIr& ir = graph.ir();
  GraphStates states(ir.values.size());
  for (const ValueId id : ir.inputs) {
    const Value& value = ir.value(id);
    const auto given = shapes.find(value.name);
    const bool free = !value.has_shape || std::any_of(value.dims.begin(), value.dims.end(),
                                                      [](std::int64_t size) { return size < 0; });
    if (given == shapes.end() && free) continue;
    states[static_cast<std::size_t>(id)] = {
        value.type, given == shapes.end() ? value.dims : given->second, {}};
  }
  InferWhatFollows(ir, states, {});
  return Describer(ir, states).Describe();
}

void CheckInputShapes(const Graph& graph, const InputShapes& shapes) {
  const GraphIr& ir = graph.ir();
  std::vector<Shape> ordered;
  for (const ValueId id : ir.inputs) {
    const auto given = shapes.find(ir.value(id).name);
    if (given == shapes.end()) {
      throw Error(ErrorCode::kInvalidInput,
                  ir.source + ": input '" + ir.value(id).name + "' is missing");
    }
    ordered.push_back(given->second);
  }
  InferGraph(ir, ordered, {}, ir.nodes.size());
}

}  // namespace kinglet
