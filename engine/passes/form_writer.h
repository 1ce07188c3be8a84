// The graph whose nodes are put in other forms, node after node: nodes and constants that take the
// place of one, and ranks where a form has to know them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/infer/inference.h"
#include "kinglet/limits.h"

namespace kinglet {

class FormWriter {
 public:
  // `onnx_opset`: what the graph imports of ONNX.
  FormWriter(GraphIr& graph, const Limits& limits, int onnx_opset, bool subgraph)
      : graph_(graph), limits_(limits), onnx_opset_(onnx_opset), subgraph_(subgraph) {}

  GraphIr& graph() { return graph_; }
  const Limits& limits() const { return limits_; }
  int onnx_opset() const { return onnx_opset_; }

  // From now on ranks are found as nodes are added.
  void StartStates();
  std::optional<std::size_t> RankOf(ValueId id) const;
  // Of a value whose rank is known.
  const Shape& ShapeOf(ValueId id) const { return states_[static_cast<std::size_t>(id)].shape; }
  // Throws Error(kUnsupported) where it is not known.
  std::size_t DemandedRank(const Node& node, std::size_t i) const;

  // Appends the node; one older than opset 7 becomes one of opset 9.
  void Add(Node node);
  ValueId Constant(const Node& node, Tensor tensor);
  // A number of the type of the node's input i, as far as that is known.
  ValueId Scalar(const Node& node, float value, std::size_t i = 0);
  // Adds a node of this operator before `like`, and gives its outputs.
  std::vector<ValueId> Emit(const Node& like, const std::string& op, std::vector<ValueId> inputs,
                            std::size_t outputs, Attributes attributes, int opset);
  ValueId Emit(const Node& like, const std::string& op, std::vector<ValueId> inputs,
               Attributes attributes = {});
  // The node itself becomes the last of those that replace it.
  static void Become(Node& node, const std::string& op, std::vector<ValueId> inputs);

  [[noreturn]] static void Invalid(const Node& node, const std::string& what);

 private:
  GraphIr& graph_;
  const Limits& limits_;
  int onnx_opset_;
  bool subgraph_;
  bool tracks_ = false;  // whether states are kept
  GraphStates states_;
};

Tensor IntsTensor(const std::vector<std::int64_t>& values);

}  // namespace kinglet
