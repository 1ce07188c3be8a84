// GraphProto: nodes, values and, inside attributes, further graphs.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converters/onnx/context.h"
#include "converters/onnx/functions.h"
#include "engine/graph/ir.h"

namespace kinglet::converters {

// Reads one graph. A name that a subgraph does not define itself is looked for in the graphs around
// it: a constant found there becomes a constant of the subgraph, another value a capture. Nodes
// that call a function of the model are replaced by the function's nodes, whose names are apart
// from those of the graph: a `scope` says by which call a name is to be understood, null outside of
// all functions.
class GraphReader {
 public:
  // `outer`: the reader of the graph around this one, null for the main graph; `scope`: that of the
  // node which has this graph as an attribute.
  GraphReader(Context& context, const Place& place, GraphReader* outer, const Call* scope);

  // Nodes are sorted. Throws Error as ReadOnnx does.
  std::unique_ptr<GraphIr> Read(std::string_view proto);

 private:
  // The parts of the message as views, so that names are known before anything uses them.
  struct Parts {
    std::string_view name;
    std::vector<std::string_view> nodes, initializers, inputs, outputs, value_infos;
  };
  struct NodeParts {
    std::string_view name, op, domain, overload;
    std::vector<std::string_view> inputs, outputs, attributes;
    std::int64_t index = 0;  // in its graph or function
    bool is_constant = false;

    bool IsConstantNode() const { return op == "Constant" && domain.empty(); }
  };
  // A node that stays, and how to understand its names.
  struct ScopedNode {
    NodeParts parts;
    const Call* scope;
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
  std::vector<NodeParts> ScanNodes(const std::vector<std::string_view>& protos, const Place& place);
  void DefineOutputs(std::vector<NodeParts>& nodes);
  void ReadValueInfos(const Parts& parts);
  void ReadNode(const ScopedNode& scoped, const Place& place);
  void ReadFused(Node& node, const Opsets& opsets, const Place& place);
  void ReadOutputs(const Parts& parts);

  // Calls (inline_calls.cc). What they define is there before any node is read, as subgraphs tell
  // constants from other values.
  void PutInPlace(std::vector<NodeParts> nodes, const Call* scope, std::vector<ScopedNode>& all);
  void PutCallInPlace(const NodeParts& node, const Function& function, const Call* scope,
                      const Place& place, std::vector<ScopedNode>& all);
  void BindInputs(const NodeParts& node, const Place& place, Call& call);
  void DefineBody(std::vector<NodeParts>& body, const NodeParts& node, const Place& place,
                  Call& call);
  void JoinOutputs(const NodeParts& node, const Place& place, const Call& call);

  void DefineConstant(std::string_view name, Tensor tensor, const Place& place);
  void SetConstant(ValueId id, Tensor tensor);
  ValueId Define(std::string_view name, Value value, const Place& place);
  // The value that the name means to nodes of this scope, captured from a graph around where need
  // be; kNoValue for an input that a call leaves out, none where nothing has the name.
  std::optional<ValueId> Find(std::string_view name, const Call* scope, const Place& place);
  // The same, or an error for a name that nothing has.
  ValueId FindInput(std::string_view name, const Call* scope, const Place& place);
  // The constant of this name here or in a graph around; null where it is of something else.
  const Value* FindConstant(std::string_view name, const Call* scope) const;
  // The value of this name that the graph itself has; null where it has none.
  const ValueId* FindHere(std::string_view name, const Call* scope) const;
  const Opsets& OpsetsOf(const Call* scope) const {
    return scope == nullptr ? context_.opsets : scope->function->opsets;
  }
  int Depth() const { return outer_ == nullptr ? 0 : outer_->Depth() + 1; }

  Context& context_;
  const Place& place_;
  GraphReader* outer_;
  const Call* scope_;
  std::unique_ptr<GraphIr> graph_;
  std::unordered_map<std::string_view, ValueId> ids_;
  std::map<ValueId, ValueId> captured_;  // by the value of the graph around
  std::deque<Call> calls_;               // of functions in this graph
  ValueId first_made_ = 0;               // values below are initializers and inputs
};

// Reads the attributes of a node of `graph` (for subgraphs) and `scope`. Those that refer to an
// attribute of the function have the value that the call gives it, and are left out where it gives
// none. Throws Error as ReadOnnx does.
Attributes ReadAttributes(const std::vector<std::string_view>& protos, Context& context,
                          GraphReader& graph, const Call* scope, const Place& place);

// The value of a Constant node.
Tensor ReadConstant(const std::vector<std::string_view>& attributes, Context& context,
                    GraphReader& graph, const Call* scope, const Place& place);

// The name of an attribute; "" when there is none.
std::string_view AttributeName(std::string_view proto, const Place& place);

// What a call gives the attributes of its function, `scope` being where the call stands; defaults
// included.
void BindAttributes(const std::vector<std::string_view>& protos, const Call* scope,
                    const Place& place, Call& call);

}  // namespace kinglet::converters
