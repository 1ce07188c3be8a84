// Tools of the passes.
#pragma once

#include <optional>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/op/context.h"
#include "engine/passes/passes.h"

namespace kinglet {

// One sweep over the nodes of a graph in which values are renamed: where a node hands on what its
// input holds already, everybody reads the input instead.
class Rewriter {
 public:
  explicit Rewriter(GraphIr& graph);

  // Calls visit(node) for each node in order, with its inputs renamed; then renames the outputs.
  template <typename F>
  void Sweep(F&& visit) {
    for (Node& node : graph_.nodes) {
      for (ValueId& id : node.inputs) id = Resolve(id);
      RenameCaptures(node);
      visit(node);
    }
    for (ValueId& id : graph_.outputs) id = Resolve(id);
  }

  // Everybody who would read `from`, made by the node being visited, reads `to`, which was one of
  // its inputs.
  void Rename(ValueId from, ValueId to);
  // True when one node reads the value, once, and it is no graph output and captured by nobody.
  bool SoleUse(ValueId id) const { return counts_[static_cast<std::size_t>(id)] == 1; }
  // The node that makes a value, if it is of this operator of ONNX's own domain; null otherwise.
  Node* Producer(ValueId id, std::string_view op);
  // The same, when nobody but the node being visited reads the value.
  Node* SoleProducer(ValueId id, std::string_view op) {
    return id != kNoValue && SoleUse(id) ? Producer(id, op) : nullptr;
  }

  GraphIr& graph() { return graph_; }

 private:
  void RenameCaptures(const Node& node);
  ValueId Resolve(ValueId id) const {
    return id == kNoValue ? id : names_[static_cast<std::size_t>(id)];
  }

  GraphIr& graph_;
  std::vector<ValueId> names_;
  std::vector<int> counts_;  // readers of each value; outputs and captures count twice
};

// Removes nodes whose outputs nobody reads, and drops constants that nobody reads.
void RemoveDead(GraphIr& graph);

// The version of ONNX's own domain that the graph is of; that of any, where no node is of it.
int OnnxOpset(const GraphIr& graph);

// The value of a constant float32 tensor with one element.
std::optional<float> ScalarOf(const GraphIr& graph, ValueId id);

// Types and shapes of inputs and constants, as ProbeShapes begins with.
std::vector<TensorState> ProbeInputs(const GraphIr& graph, const PassOptions& options);

// Types and shapes of all values for one choice of the free input sizes: sizes that are unlikely to
// coincide by chance stand for them. A value whose shape depends on data, on an input without a
// declared shape, or on what is around a subgraph, has the type kUndefined.
std::vector<TensorState> ProbeShapes(const GraphIr& graph, const PassOptions& options);

// Whether both shapes are known and the same.
bool SameShape(const std::vector<TensorState>& states, ValueId a, ValueId b);

}  // namespace kinglet
