// Nodes whose inputs are all constants are evaluated once: weights behind DequantizeLinear, Cast
// or Transpose become plain weights, ConstantOfShape becomes a tensor.
#include <cstdint>

#include "engine/infer/evaluate.h"
#include "engine/passes/passes.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

bool AllConstant(const GraphIr& graph, const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && !graph.value(id).is_constant()) return false;
  }
  return CapturedValues(node).empty();
}

// False when an output is a sequence.
bool AllTensors(const Node& node, const std::vector<Tensor>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue && !outputs[i].defined()) return false;
  }
  return true;
}

}  // namespace

void FoldConstants(GraphIr& graph, const PassOptions& options) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    std::vector<Tensor> outputs;
    if (AllConstant(graph, node)) {
      std::vector<const Tensor*> inputs;
      for (const ValueId id : node.inputs) {
        inputs.push_back(id == kNoValue ? nullptr : &graph.value(id).constant);
      }
      try {
        outputs = EvaluateNode(node, inputs, options.limits);
      } catch (const Error& error) {
        std::string what = error.what();
        if (what.rfind("node '", 0) != 0) what = NodeLabel(node) + ": " + what;
        // The data is the model's own.
        const bool data = error.code() == ErrorCode::kInvalidInput;
        throw Error(data ? ErrorCode::kInvalidModel : error.code(), graph.source + ": " + what);
      }
    }
    if (outputs.empty() || !AllTensors(node, outputs)) {
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) graph.value(id).producer = static_cast<NodeId>(kept.size());
      }
      kept.push_back(std::move(node));
      continue;
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      Value& value = graph.value(node.outputs[i]);
      value.type = outputs[i].type();
      value.has_shape = true;
      value.dims = outputs[i].shape();
      value.symbols.assign(value.dims.size(), "");
      value.constant = std::move(outputs[i]);
      value.producer = kNoNode;
    }
  }
  graph.nodes = std::move(kept);
}

}  // namespace kinglet
