#include "engine/passes/code_graph.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/graph/contrib.h"
#include "engine/graph/fusion.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

bool HasSignedZero(const GraphIr& graph, const Node& node) {
  const Tensor* zero = graph.ConstantOf(node.input(2));
  return zero != nullptr && zero->type() == DataType::kInt8 && zero->size() == 1 &&
         node.domain.empty() && node.attributes.Int("block_size", 0) == 0;
}

Tensor RaisedZero(std::int32_t zero) {
  return Tensor::From<std::uint8_t>({}, {static_cast<std::uint8_t>(zero + 128)});
}

}  // namespace

CodeGraph::CodeGraph(GraphIr& graph, const PassOptions& options)
    : graph_(graph), states_(ProbeShapes(graph, options)) {
  MakeUnsigned();
  CountReaders();
  nodes_ = std::move(graph_.nodes);
  graph_.nodes.clear();
}

const Node* CodeGraph::Maker(ValueId id) const {
  const auto it = makers_.find(id);
  if (it == makers_.end()) return nullptr;
  const Node& node = nodes_[it->second];
  return node.domain.empty() ? &node : nullptr;
}

const Node* CodeGraph::Maker(ValueId id, std::string_view op) const {
  const Node* node = Maker(id);
  return node != nullptr && node->op == op ? node : nullptr;
}

int CodeGraph::ReadersOf(ValueId id) const {
  const auto it = readers_.find(id);
  return it == readers_.end() ? 0 : it->second;
}

bool CodeGraph::IsOnlyQuantised(ValueId id) const {
  const auto it = quantisers_.find(id);
  return it != quantisers_.end() && it->second == ReadersOf(id);
}

std::optional<std::size_t> CodeGraph::RankOf(ValueId id) const {
  if (TypeOf(id) == DataType::kUndefined) return {};
  return states_[static_cast<std::size_t>(id)].shape.size();
}

DataType CodeGraph::TypeOf(ValueId id) const {
  const bool known = id != kNoValue && static_cast<std::size_t>(id) < states_.size();
  return known ? states_[static_cast<std::size_t>(id)].type : DataType::kUndefined;
}

const Shape* CodeGraph::FixedShapeOf(ValueId id) const {
  const auto is_fixed = [&](ValueId input) {
    const Value& value = graph_.value(input);
    return value.has_shape && std::all_of(value.dims.begin(), value.dims.end(),
                                          [](std::int64_t size) { return size >= 0; });
  };
  if (!std::all_of(graph_.inputs.begin(), graph_.inputs.end(), is_fixed)) return nullptr;
  return TypeOf(id) == DataType::kUndefined ? nullptr
                                            : &states_[static_cast<std::size_t>(id)].shape;
}

const Codes* CodeGraph::CodesBehind(ValueId id) const {
  const auto it = codes_.find(id);
  return it == codes_.end() ? nullptr : &it->second;
}

Codes CodeGraph::As(DataType type, Codes codes) {
  const Tensor* constant = graph_.ConstantOf(codes.codes);
  if (codes.type == type || type != DataType::kUInt8 || constant == nullptr) return codes;
  Tensor raised(DataType::kUInt8, constant->shape());
  for (std::int64_t i = 0; i < raised.size(); ++i) {
    raised.data<std::uint8_t>()[i] =
        static_cast<std::uint8_t>(constant->data<std::int8_t>()[i] + 128);
  }
  codes.codes = Constant("codes", std::move(raised));
  codes.zero = Constant("zero_point", RaisedZero(codes.zero_point));
  codes.zero_point += 128;
  codes.type = type;
  return codes;
}

ValueId CodeGraph::NewValue(const std::string& name, DataType type) {
  Value value;
  value.name = name + "/" + std::to_string(graph_.values.size());
  value.type = type;
  return graph_.AddValue(std::move(value));
}

ValueId CodeGraph::Constant(const std::string& name, Tensor tensor) {
  return graph_.AddConstant(name + "/" + std::to_string(graph_.values.size()), std::move(tensor));
}

Node& CodeGraph::Emit(const Node& from, std::string op, std::string_view domain,
                      std::vector<ValueId> inputs, ValueId output) {
  Node node;
  node.name = from.name;
  node.op = std::move(op);
  node.domain = domain;
  node.opset = domain == kContribDomain   ? kContribOpset
               : domain == kKingletDomain ? kKingletOpset
                                          : from.opset;
  node.inputs = std::move(inputs);
  node.outputs = {output};
  return graph_.nodes[static_cast<std::size_t>(graph_.AddNode(std::move(node)))];
}

void CodeGraph::RaiseZero(Node& node) {
  const std::int32_t zero = FirstCode(*graph_.ConstantOf(node.input(2)));
  node.inputs[2] = Constant(node.name + "/zero_point", RaisedZero(zero));
  node.attributes.Erase("output_dtype");
}

void CodeGraph::MakeUnsigned() {
  std::map<ValueId, std::vector<std::size_t>> dequantisers;  // of a value, as indices of nodes
  std::map<ValueId, std::size_t> readers;
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    for (const ValueId id : node.inputs) ++readers[id];
    for (const ValueId id : CapturedValues(node)) ++readers[id];
    if (node.op == "DequantizeLinear" && HasSignedZero(graph_, node)) {
      dequantisers[node.inputs[0]].push_back(n);
    }
  }
  for (const ValueId id : graph_.outputs) ++readers[id];
  for (Node& node : graph_.nodes) {
    if (node.op != "QuantizeLinear" || !HasSignedZero(graph_, node)) continue;
    const ValueId codes = node.outputs[0];
    const std::vector<std::size_t>& readers_of = dequantisers[codes];
    if (readers_of.size() != readers[codes]) continue;
    RaiseZero(node);
    for (const std::size_t n : readers_of) RaiseZero(graph_.nodes[n]);
    graph_.value(codes).type = DataType::kUInt8;
    states_[static_cast<std::size_t>(codes)].type = DataType::kUInt8;
  }
}

void CodeGraph::CountReaders() {
  const auto count = [&](ValueId id, bool quantises) {
    if (id == kNoValue) return;
    ++readers_[id];
    if (quantises) ++quantisers_[id];
  };
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    const bool quantises = node.domain.empty() && node.op == "QuantizeLinear";
    for (const ValueId id : node.inputs) count(id, quantises);
    for (const ValueId id : CapturedValues(node)) count(id, false);
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) makers_[id] = n;
    }
  }
  for (const ValueId id : graph_.outputs) count(id, false);
}

}  // namespace kinglet
