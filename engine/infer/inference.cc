#include "engine/infer/inference.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/infer/evaluate.h"

namespace kinglet {
namespace {

// Known values up to this size are computed while planning: shape arithmetic, not tensors.
constexpr std::size_t kFoldBytes = std::size_t{1} << 20;

void FoldKnown(const Node& node, GraphStates& states, const Limits& limits) {
  const auto state = [&](ValueId id) -> TensorState& {
    return states[static_cast<std::size_t>(id)];
  };
  if (FindOp(node.domain, node.op)->run != nullptr && !CapturedValues(node).empty()) return;
  std::size_t bytes = 0;
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    if (state(id).known.defined()) return;
    bytes += StoredBytes(state(id).type, state(id).shape);
  }
  if (bytes > kFoldBytes) return;
  std::vector<Tensor> values;
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && !state(id).known.defined()) return;
  }
  for (const ValueId id : node.inputs) {
    values.push_back(id == kNoValue ? Tensor() : state(id).Value());
  }
  std::vector<const Tensor*> inputs;
  for (std::size_t i = 0; i < values.size(); ++i) {
    inputs.push_back(node.inputs[i] == kNoValue ? nullptr : &values[i]);
  }
  std::vector<Tensor> outputs = EvaluateNode(node, inputs, limits);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue && !outputs[i].defined()) return;  // a sequence
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const DataType type = outputs[i].type();
    const Shape shape = outputs[i].shape();
    state(node.outputs[i]) = {type, shape, std::move(outputs[i])};
  }
}

// Whether all inputs have a type and a shape.
bool InputsAreThere(const Node& node, const GraphStates& states) {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id == kNoValue || states[static_cast<std::size_t>(id)].type != DataType::kUndefined;
  });
}

}  // namespace

void ThrowWithNode(const GraphIr& graph, const Node& node, const Error& error) {
  std::string what = error.what();
  if (what.rfind("node '", 0) != 0) what = NodeLabel(node) + ": " + what;
  // Data that is known while planning is the model's own.
  const bool data = error.code() == ErrorCode::kInvalidInput;
  throw Error(data ? ErrorCode::kInvalidModel : error.code(), graph.source + ": " + what);
}

namespace {

TensorState StateOf(const Value& value) {
  const Tensor& constant = value.constant;
  TensorState state = {constant.type(), constant.shape(), constant};
  if (constant.raw() == nullptr) state.derived = value.derived;
  return state;
}

}  // namespace

GraphStates StartInference(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                           const Limits& limits) {
  GraphStates states(graph.values.size());
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].is_constant()) states[i] = StateOf(graph.values[i]);
  }
  for (std::size_t k = 0; k < graph.inputs.size(); ++k) {
    const Value& value = graph.value(graph.inputs[k]);
    const std::size_t bytes = StoredBytes(value.type, input_shapes[k]);
    if (bytes > limits.max_tensor_bytes) {
      throw Error(
          ErrorCode::kResource,
          graph.source + ": input '" + value.name + "' of shape " + ShapeToString(input_shapes[k]) +
              " exceeds the limit of " + std::to_string(limits.max_tensor_bytes) +
              " bytes for one tensor (--max-tensor-bytes, CompileOptions::max_tensor_bytes)");
    }
    states[static_cast<std::size_t>(graph.inputs[k])] = {
        value.type, input_shapes[k], {}, value.storage};
  }
  return states;
}

void InferOne(const GraphIr& graph, const Node& node, GraphStates& states, const Limits& limits) {
  if (!InputsAreThere(node, states)) return;
  WithNode(graph, node, [&] {
    const NodeStates of_node = StatesOf(node, states);
    try {
      InferNode(node, of_node, limits);
    } catch (const DependsOnData&) {
      for (TensorState* output : of_node.outputs) {
        if (output != nullptr) *output = {};
      }
    }
    for (std::size_t i = 0; i < of_node.outputs.size(); ++i) {
      TensorState* output = of_node.outputs[i];
      if (output != nullptr) output->storage = graph.value(node.outputs[i]).storage;
    }
    FoldKnown(node, states, limits);
  });
}

GraphStates InferGraph(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                       const Limits& limits, std::size_t node_count) {
  GraphStates states = StartInference(graph, input_shapes, limits);
  for (std::size_t i = 0; i < node_count; ++i) InferOne(graph, graph.nodes[i], states, limits);
  return states;
}

void InferWhatFollows(const GraphIr& graph, GraphStates& states, const Limits& limits) {
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].is_constant()) states[i] = StateOf(graph.values[i]);
  }
  for (const Node& node : graph.nodes) {
    try {
      InferOne(graph, node, states, limits);
    } catch (const Error&) {  // the planner will say what is wrong, with the real sizes
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) states[static_cast<std::size_t>(id)] = {};
      }
    }
  }
}

std::vector<std::size_t> NeededNodes(const GraphIr& graph, const GraphStates& states,
                                     std::size_t first, std::size_t last,
                                     const std::vector<ValueId>& outputs) {
  std::vector<bool> needed(graph.values.size());
  for (const ValueId id : outputs) needed[static_cast<std::size_t>(id)] = true;
  std::vector<std::size_t> nodes;
  for (std::size_t i = last; i-- > first;) {
    const Node& node = graph.nodes[i];
    if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
          return id != kNoValue && needed[static_cast<std::size_t>(id)] &&
                 !states[static_cast<std::size_t>(id)].known.defined();
        })) {
      continue;
    }
    nodes.push_back(i);
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) needed[static_cast<std::size_t>(id)] = true;
    }
    for (const ValueId id : CapturedValues(node)) needed[static_cast<std::size_t>(id)] = true;
  }
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace kinglet
