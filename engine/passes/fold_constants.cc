// Nodes whose inputs are all constants are evaluated once: weights behind Cast or Transpose become
// plain weights, ConstantOfShape becomes a tensor. Weights behind DequantizeLinear are left to
// recognise_quantised.cc, and what that leaves becomes plain weights behind it.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/graph/derived.h"
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

// What a node is evaluated with: its inputs, those that are derived themselves by what they are
// made of.
struct Source {
  Tensor tensor;
  std::shared_ptr<const DerivedConstant> derived;

  Tensor Get() const { return derived == nullptr ? tensor : derived->Get(); }
  std::size_t bytes() const {
    return derived == nullptr ? tensor.bytes() : derived->source_bytes();
  }
};

// How to make result `k` of the node again, where its sources are so much smaller that it need not
// be kept; null otherwise.
std::shared_ptr<const DerivedConstant> DerivationOf(const GraphIr& graph, const Node& node,
                                                    std::size_t k, const Tensor& made,
                                                    const Limits& limits) {
  constexpr std::size_t kWorthIt = std::size_t{1} << 16;
  if (made.bytes() < kWorthIt || !SubgraphsOf(node).empty()) return nullptr;
  std::vector<Source> sources;
  std::size_t bytes = 0;
  for (const ValueId id : node.inputs) {
    Source& source = sources.emplace_back();
    if (id == kNoValue) continue;
    source.derived = graph.value(id).derived;
    if (source.derived == nullptr) source.tensor = graph.value(id).constant;
    bytes += source.bytes();
  }
  if (bytes > made.bytes() / 2) return nullptr;
  for (const Source& source : sources) {
    if (source.derived != nullptr) source.derived->Drop();
  }
  return std::make_shared<const DerivedConstant>(
      made, bytes, [node, k, limits, sources = std::move(sources)] {
        std::vector<Tensor> values;
        for (const Source& source : sources) values.push_back(source.Get());
        std::vector<const Tensor*> inputs;
        for (const Tensor& value : values) inputs.push_back(value.defined() ? &value : nullptr);
        return EvaluateNode(node, inputs, limits)[k];
      });
}

// Where `leave_codes`, nodes DequantizeLinear stay.
void Fold(GraphIr& graph, const PassOptions& options, bool leave_codes) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    std::vector<Tensor> outputs;
    const bool stays = leave_codes && node.op == "DequantizeLinear";
    if (!stays && AllConstant(graph, node)) {
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
      value.derived = DerivationOf(graph, node, i, outputs[i], options.limits);
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

}  // namespace

void FoldConstants(GraphIr& graph, const PassOptions& options) {
  Fold(graph, options,
       options.stage == PassStage::kOptimise && options.precision != Precision::kFloat32);
}

void FoldWeights(GraphIr& graph, const PassOptions& options) { Fold(graph, options, false); }

}  // namespace kinglet
