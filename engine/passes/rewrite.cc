#include "engine/passes/rewrite.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "engine/infer/inference.h"
#include "kinglet/error.h"

namespace kinglet {

Rewriter::Rewriter(GraphIr& graph)
    : graph_(graph), names_(graph.values.size()), counts_(graph.values.size(), 0) {
  std::iota(names_.begin(), names_.end(), 0);
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) ++counts_[static_cast<std::size_t>(id)];
    }
    for (const ValueId id : CapturedValues(node)) counts_[static_cast<std::size_t>(id)] += 2;
  }
  for (const ValueId id : graph.outputs) counts_[static_cast<std::size_t>(id)] += 2;
}

void Rewriter::Rename(ValueId from, ValueId to) {
  names_[static_cast<std::size_t>(from)] = to;
  counts_[static_cast<std::size_t>(to)] += counts_[static_cast<std::size_t>(from)] - 1;
}

void Rewriter::RenameCaptures(const Node& node) {
  for (const std::shared_ptr<GraphIr>& subgraph : SubgraphsOf(node)) {
    for (Capture& capture : subgraph->captures) capture.outer = Resolve(capture.outer);
  }
}

Node* Rewriter::Producer(ValueId id, std::string_view op) {
  if (id == kNoValue || graph_.value(id).producer == kNoNode) return nullptr;
  Node& node = graph_.nodes[static_cast<std::size_t>(graph_.value(id).producer)];
  return node.op == op && node.domain.empty() ? &node : nullptr;
}

void RemoveDead(GraphIr& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId id : graph.outputs) needed[static_cast<std::size_t>(id)] = true;
  std::vector<bool> kept(graph.nodes.size(), false);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    kept[n] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && needed[static_cast<std::size_t>(id)];
    });
    if (!kept[n]) continue;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) needed[static_cast<std::size_t>(id)] = true;
    }
    for (const ValueId id : CapturedValues(node)) needed[static_cast<std::size_t>(id)] = true;
  }
  std::vector<Node> nodes;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId id : graph.nodes[n].outputs) {
      if (id != kNoValue) {
        graph.value(id).producer = kept[n] ? static_cast<NodeId>(nodes.size()) : kNoNode;
      }
    }
    if (kept[n]) nodes.push_back(std::move(graph.nodes[n]));
  }
  graph.nodes = std::move(nodes);
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (needed[i]) continue;
    graph.values[i].constant = {};
    graph.values[i].derived.reset();
  }
}

int OnnxOpset(const GraphIr& graph) {
  for (const Node& node : graph.nodes) {
    if (node.domain.empty()) return node.opset;
  }
  return 13;
}

std::optional<float> ScalarOf(const GraphIr& graph, ValueId id) {
  const Tensor* tensor = graph.ConstantOf(id);
  if (tensor == nullptr || tensor->type() != DataType::kFloat32 || tensor->size() != 1) return {};
  return tensor->data<float>()[0];
}

namespace {

// Free sizes get values that hardly come about otherwise; the same symbol the same value.
class FreeSizes {
 public:
  std::int64_t For(const std::string& symbol, std::size_t axis) {
    if (axis == 0) return 3;  // the batch
    if (symbol.empty()) return Next();
    const auto [it, added] = sizes_.try_emplace(symbol, 0);
    if (added) it->second = Next();
    return it->second;
  }

 private:
  std::int64_t Next() { return 227 + 38 * count_++; }

  std::int64_t count_ = 0;
  std::map<std::string, std::int64_t> sizes_;
};

}  // namespace

std::vector<TensorState> ProbeInputs(const GraphIr& graph, const PassOptions& options) {
  std::vector<TensorState> states(graph.values.size());
  FreeSizes sizes;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    if (!value.has_shape || options.subgraph) continue;
    TensorState& state = states[static_cast<std::size_t>(id)];
    state.type = value.type;
    state.shape = value.dims;
    for (std::size_t d = 0; d < state.shape.size(); ++d) {
      const std::string symbol = d < value.symbols.size() ? value.symbols[d] : "";
      if (state.shape[d] < 0) state.shape[d] = sizes.For(symbol, d);
    }
  }
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const Tensor& constant = graph.values[i].constant;
    if (constant.defined()) states[i] = {constant.type(), constant.shape(), constant};
  }
  return states;
}

std::vector<TensorState> ProbeShapes(const GraphIr& graph, const PassOptions& options) {
  std::vector<TensorState> states = ProbeInputs(graph, options);
  InferWhatFollows(graph, states, options.limits);
  return states;
}

bool SameShape(const std::vector<TensorState>& states, ValueId a, ValueId b) {
  const TensorState& left = states[static_cast<std::size_t>(a)];
  const TensorState& right = states[static_cast<std::size_t>(b)];
  return left.type != DataType::kUndefined && right.type != DataType::kUndefined &&
         left.shape == right.shape;
}

}  // namespace kinglet
