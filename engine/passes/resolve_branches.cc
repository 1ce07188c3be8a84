// An If whose condition is a constant, or follows from the shapes of inputs that leave no size
// free, becomes the nodes of the branch that is taken.
#include <algorithm>
#include <utility>
#include <vector>

#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"
#include "kinglet/error.h"

namespace kinglet {

void FoldConstants(GraphIr& graph, const PassOptions& options);

namespace {

bool IsIf(const Node& node) { return node.op == "If" && node.domain.empty(); }

bool HasFreeSize(const Value& input) {
  return !input.has_shape || std::any_of(input.dims.begin(), input.dims.end(),
                                         [](std::int64_t size) { return size < 0; });
}

// What is known of all values whenever the graph runs; empty where its inputs leave sizes free.
std::vector<TensorState> FixedStates(const GraphIr& graph, const PassOptions& options) {
  const bool free = std::any_of(graph.inputs.begin(), graph.inputs.end(),
                                [&](ValueId id) { return HasFreeSize(graph.value(id)); });
  const bool any = std::any_of(graph.nodes.begin(), graph.nodes.end(), IsIf);
  if (free || options.subgraph || !any) return {};
  return ProbeShapes(graph, options);
}

// The branch that is taken, or null when that is not known.
const GraphIr* KnownBranch(const GraphIr& graph, const Node& node,
                           const std::vector<TensorState>& states) {
  if (!IsIf(node) || node.input(0) == kNoValue) return nullptr;
  const Tensor* condition = graph.ConstantOf(node.inputs[0]);
  const auto at = static_cast<std::size_t>(node.inputs[0]);
  if (condition == nullptr && at < states.size()) condition = &states[at].known;
  if (condition == nullptr || condition->type() != DataType::kBool || condition->size() != 1) {
    return nullptr;
  }
  const bool taken = condition->data<bool>()[0];
  const GraphIr* branch = node.attributes.GraphOrNull(taken ? "then_branch" : "else_branch");
  const bool fits = branch != nullptr && branch->outputs.size() >= node.outputs.size();
  return fits ? branch : nullptr;
}

// Puts the nodes of a branch in the place of its If.
class Inliner {
 public:
  Inliner(GraphIr& graph, const Node& node, const GraphIr& branch)
      : graph_(graph), node_(node), branch_(branch), ids_(branch.values.size(), kNoValue) {}

  void AppendTo(std::vector<Node>& nodes) {
    for (const Capture& capture : branch_.captures) Id(capture.inner) = capture.outer;
    for (std::size_t k = 0; k < node_.outputs.size(); ++k) {
      ValueId& id = Id(branch_.outputs[k]);
      const bool made = branch_.value(branch_.outputs[k]).producer != kNoNode;
      if (made && id == kNoValue && node_.outputs[k] != kNoValue) id = node_.outputs[k];
    }
    for (const Node& inner : branch_.nodes) nodes.push_back(Mapped(inner));
    for (std::size_t k = 0; k < node_.outputs.size(); ++k) {
      const ValueId from = Map(branch_.outputs[k]);
      if (node_.outputs[k] == kNoValue || node_.outputs[k] == from) continue;
      Node identity;
      identity.name = node_.name;
      identity.op = "Identity";
      identity.opset = node_.opset;
      identity.inputs = {from};
      identity.outputs = {node_.outputs[k]};
      nodes.push_back(std::move(identity));
    }
  }

 private:
  ValueId& Id(ValueId inner) { return ids_[static_cast<std::size_t>(inner)]; }

  ValueId Map(ValueId inner) {
    if (inner == kNoValue) return kNoValue;
    if (Id(inner) == kNoValue) {
      Value value = branch_.value(inner);
      value.producer = kNoNode;
      const ValueId added = graph_.AddValue(std::move(value));
      Id(inner) = added;
    }
    return Id(inner);
  }

  Node Mapped(const Node& inner) {
    Node node = inner;
    for (ValueId& id : node.inputs) id = Map(id);
    for (ValueId& id : node.outputs) id = Map(id);
    for (const auto& subgraph : SubgraphsOf(node)) {
      for (Capture& capture : subgraph->captures) capture.outer = Map(capture.outer);
    }
    return node;
  }

  GraphIr& graph_;
  const Node& node_;
  const GraphIr& branch_;
  std::vector<ValueId> ids_;  // in the graph, by value of the branch
};

// True when something was resolved.
bool ResolveOnce(GraphIr& graph, const PassOptions& options) {
  const std::vector<TensorState> states = FixedStates(graph, options);
  bool any = false;
  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    const GraphIr* branch = KnownBranch(graph, node, states);
    if (branch == nullptr) {
      nodes.push_back(std::move(node));
      continue;
    }
    any = true;
    const Node resolved = node;  // keeps the branch
    Inliner(graph, resolved, *branch).AppendTo(nodes);
  }
  graph.nodes.clear();
  for (Node& node : nodes) graph.AddNode(std::move(node));
  return any;
}

}  // namespace

// Constants and branches of a branch are folded and resolved in their turn.
void ResolveBranches(GraphIr& graph, const PassOptions& options) {
  while (ResolveOnce(graph, options)) FoldConstants(graph, options);
}

}  // namespace kinglet
