// GraphProto: nodes, values and, inside attributes, further graphs.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converters/onnx/context.h"
#include "engine/graph/ir.h"

namespace kinglet::converters {

// Reads one graph. A name that a subgraph does not define itself is looked for in the graphs around
// it: a constant found there becomes a constant of the subgraph, another value a capture.
class GraphReader {
 public:
  // `outer`: the reader of the graph around this one, null for the main graph.
  GraphReader(Context& context, const Place& place, GraphReader* outer);

  // Nodes are sorted. Throws Error as ReadOnnx does.
  std::unique_ptr<GraphIr> Read(std::string_view proto);

 private:
  // The parts of the message as views, so that names are known before anything uses them.
  struct Parts {
    std::string_view name;
    std::vector<std::string_view> nodes, initializers, inputs, outputs, value_infos;
  };
  struct NodeParts {
    std::string_view name, op, domain;
    std::vector<std::string_view> inputs, outputs, attributes;
  };
  struct Declaration {
    std::string_view name;
    Value value;
    bool is_tensor = true;
  };

  Parts Scan(std::string_view proto);
  NodeParts ScanNode(std::string_view proto, const Place& place);
  Declaration ReadDeclaration(std::string_view proto, const Place& place);
  void ReadShape(std::string_view proto, const Place& place, Value& value);

  void ReadInitializers(const Parts& parts);
  void ReadInputs(const Parts& parts);
  void DefineOutputs(const std::vector<NodeParts>& nodes, std::vector<bool>& constant);
  void ReadValueInfos(const Parts& parts);
  void ReadNode(const NodeParts& parts, const Place& place);
  void ReadFused(Node& node, const Place& place);
  void ReadOutputs(const Parts& parts);

  void DefineConstant(std::string_view name, Tensor tensor, const Place& place);
  ValueId Define(std::string_view name, Value value, const Place& place);
  // kNoValue when neither this graph nor one around it has the name.
  ValueId Find(std::string_view name, const Place& place);
  // The constant of this name here or in a graph around; null where it is of something else.
  const Value* FindConstant(std::string_view name) const;
  int Depth() const { return outer_ == nullptr ? 0 : outer_->Depth() + 1; }

  Context& context_;
  const Place& place_;
  GraphReader* outer_;
  std::unique_ptr<GraphIr> graph_;
  std::unordered_map<std::string_view, ValueId> ids_;
  ValueId first_made_ = 0;  // values below are initializers and inputs
};

// Reads the attributes of a node of `graph` (for subgraphs). Throws Error as ReadOnnx does.
Attributes ReadAttributes(const std::vector<std::string_view>& protos, Context& context,
                          GraphReader& graph, const Place& place);

// The value of a Constant node.
Tensor ReadConstant(const std::vector<std::string_view>& attributes, Context& context,
                    GraphReader& graph, const Place& place);

}  // namespace kinglet::converters
