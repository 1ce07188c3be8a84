// The graph as passes see it: values (tensors by id) and nodes (operators) in topological order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/attributes.h"
#include "engine/graph/tensor_desc.h"
#include "kernels/common/activation.h"
#include "kinglet/tensor.h"

namespace kinglet {

class DerivedConstant;  // engine/graph/derived.h

using ValueId = std::int32_t;
using NodeId = std::int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional input that is absent
inline constexpr NodeId kNoNode = -1;

inline constexpr std::int64_t kUnknownDim = -1;

struct Value {
  std::string name;
  DataType type = DataType::kUndefined;  // that it is computed in; kUndefined: not declared
  // That it is stored in between steps; kUndefined: what it is computed in. Graph inputs, outputs
  // and constants are stored as what they are.
  ElementType storage = ElementType::kUndefined;
  bool has_shape = false;            // declared, perhaps with unknown sizes
  Shape dims;                        // kUnknownDim where the size is free
  std::vector<std::string> symbols;  // names of the free sizes ("N"), parallel to dims
  Tensor constant;                   // defined for initializers and folded values
  // How the constant is made of others, where that is worth knowing. Once ReleaseWeights has left
  // it to this, `constant` has type and shape alone: read it through here.
  std::shared_ptr<const DerivedConstant> derived;
  NodeId producer = kNoNode;  // kNoNode for inputs and constants

  bool is_constant() const { return constant.defined(); }
};

using kernels::Activation;

// What a pass fused behind an operator: out = activation(op(...) + residual), alpha and beta the
// activation's parameters (kernels/common/activations.inc). The residual, where there is one, is
// the node's last input.
struct Fusion {
  Activation activation = Activation::kNone;
  float alpha = 0;
  float beta = 0;
  bool residual = false;

  bool empty() const { return activation == Activation::kNone && !residual; }
};

struct Node {
  std::string name;    // as in the file, or made up from the first output
  std::string op;      // "Conv"
  std::string domain;  // "" for ONNX's own
  int opset = 0;       // version of the domain that the model imports
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
  Fusion fusion;

  ValueId input(std::size_t i) const { return i < inputs.size() ? inputs[i] : kNoValue; }
};

// A value of the enclosing graph that a subgraph reads: in the subgraph it is a value that no node
// of it makes. (Constants of the enclosing graph are constants of the subgraph too, not captures.)
struct Capture {
  ValueId outer;  // in the graph of the node that has the subgraph as attribute
  ValueId inner;  // in the subgraph
};

struct GraphIr {
  std::string name;
  std::string source;  // file name for messages
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;  // without initializers
  std::vector<ValueId> outputs;
  std::vector<Capture> captures;   // of a subgraph; each outer value once
  std::vector<std::string> notes;  // of the reader: what a person should know of the model

  ValueId AddValue(Value value) {
    values.push_back(std::move(value));
    return static_cast<ValueId>(values.size() - 1);
  }
  ValueId AddConstant(std::string value_name, Tensor tensor);
  // Appends a node and makes it the producer of its outputs.
  NodeId AddNode(Node node);
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  // The constant behind an input, or null.
  const Tensor* ConstantOf(ValueId id) const {
    return id != kNoValue && value(id).is_constant() ? &value(id).constant : nullptr;
  }
};

// "node 'conv1' (Conv)": how messages name a node.
std::string NodeLabel(const Node& node);

// The subgraphs of a node, in the order of its attributes.
std::vector<std::shared_ptr<GraphIr>> SubgraphsOf(const Node& node);

// What a node needs besides its inputs: the values of its own graph that its subgraphs capture.
std::vector<ValueId> CapturedValues(const Node& node);

// Sorts the nodes topologically; subgraphs count as readers of what they capture. Throws
// Error(kInvalidModel) naming a node on a cycle, or an input that nothing produces.
void SortNodes(GraphIr& graph);

// Checks that ids are in range, every value has one producer, nodes are sorted and outputs are
// produced; in subgraphs too. Throws Error(kInvalidModel).
void CheckGraph(const GraphIr& graph);

}  // namespace kinglet
