// A graph while its quantised operators are being replaced: what there was, what there is already,
// and which values are codes.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/op/context.h"
#include "engine/passes/codes.h"
#include "engine/passes/passes.h"

namespace kinglet {

class CodeGraph {
 public:
  // Takes the nodes out of `graph`: nodes() are what it had, in order, and whatever is emitted is
  // what it will have. Codes of int8 that are read by DequantizeLinear alone are codes of uint8
  // from now on, 128 more, and so are their zero points.
  CodeGraph(GraphIr& graph, const PassOptions& options);

  GraphIr& graph() { return graph_; }
  const GraphIr& graph() const { return graph_; }
  const std::vector<Node>& nodes() const { return nodes_; }

  // The node that made a value, if it is of ONNX's own domain (and of this operator); or null.
  const Node* Maker(ValueId id) const;
  const Node* Maker(ValueId id, std::string_view op) const;
  // Nodes that read the value, each once for each time, subgraphs, and graph outputs.
  int ReadersOf(ValueId id) const;
  // Nobody needs the value itself, everybody its codes.
  bool IsOnlyQuantised(ValueId id) const;
  // Of a value that was there before, where it is known.
  std::optional<std::size_t> RankOf(ValueId id) const;
  DataType TypeOf(ValueId id) const;
  // Its shape, where no input of the graph has sizes of its own choice; or null.
  const Shape* FixedShapeOf(ValueId id) const;

  bool IsConstant(const Codes& codes) const { return graph_.ConstantOf(codes.codes) != nullptr; }
  // What a value is dequantised of, or null. The pointer is good until codes are remembered.
  const Codes* CodesBehind(ValueId id) const;
  void Remember(ValueId id, const Codes& codes) { codes_[id] = codes; }
  // Constant codes as those of `type`, where that is the only way; others as they are.
  Codes As(DataType type, Codes codes);

  ValueId NewValue(const std::string& name, DataType type);
  ValueId Constant(const std::string& name, Tensor tensor);
  // A node in place of `from`. The reference is good until the next one.
  Node& Emit(const Node& from, std::string op, std::string_view domain, std::vector<ValueId> inputs,
             ValueId output);

 private:
  void RaiseZero(Node& node);
  void MakeUnsigned();
  void CountReaders();

  GraphIr& graph_;
  std::vector<TensorState> states_;  // of the values that were there before
  std::vector<Node> nodes_;
  std::map<ValueId, std::size_t> makers_;
  std::map<ValueId, int> readers_, quantisers_;
  std::map<ValueId, Codes> codes_;  // of values that are dequantised
};

}  // namespace kinglet
