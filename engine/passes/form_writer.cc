#include "engine/passes/form_writer.h"

#include <utility>

#include "engine/op/op.h"
#include "engine/passes/rewrite.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr int kRaisedOpset = 9;  // what nodes of older forms become

}  // namespace

void FormWriter::StartStates() {
  tracks_ = true;
  states_ = ProbeInputs(graph_,
                        {.stage = PassStage::kRequired, .limits = limits_, .subgraph = subgraph_});
}

std::optional<std::size_t> FormWriter::RankOf(ValueId id) const {
  const auto index = static_cast<std::size_t>(id);
  if (id == kNoValue || index >= states_.size()) return std::nullopt;
  if (states_[index].type == DataType::kUndefined) return std::nullopt;
  return states_[index].shape.size();
}

std::size_t FormWriter::DemandedRank(const Node& node, std::size_t i) const {
  const std::optional<std::size_t> rank = RankOf(node.input(i));
  if (rank) return *rank;
  throw Error(ErrorCode::kUnsupported, NodeLabel(node) + ": the rank of input " +
                                           std::to_string(i) +
                                           ", by which operands of this old form are aligned, "
                                           "is not known");
}

void FormWriter::Invalid(const Node& node, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, NodeLabel(node) + ": " + what);
}

void FormWriter::Add(Node node) {
  if (node.domain.empty() && node.opset < kFirstSettledOpset) node.opset = kRaisedOpset;
  graph_.AddNode(std::move(node));
  if (!tracks_) return;
  const Node& added = graph_.nodes.back();
  states_.resize(graph_.values.size());
  try {
    InferOne(graph_, added, states_, limits_);
  } catch (const Error&) {  // the planner will say what is wrong
    for (const ValueId id : added.outputs) {
      if (id != kNoValue) states_[static_cast<std::size_t>(id)] = {};
    }
  }
}

ValueId FormWriter::Constant(const Node& node, Tensor tensor) {
  const std::string name = node.name + "/constant" + std::to_string(graph_.values.size());
  if (tracks_) {
    states_.resize(graph_.values.size());
    states_.push_back({tensor.type(), tensor.shape(), tensor});
  }
  return graph_.AddConstant(name, std::move(tensor));
}

ValueId FormWriter::Scalar(const Node& node, float value, std::size_t i) {
  const ValueId id = node.input(i);
  if (id != kNoValue && graph_.value(id).type == DataType::kFloat64) {
    return Constant(node, Tensor::From<double>({}, {static_cast<double>(value)}));
  }
  return Constant(node, Tensor::From<float>({}, {value}));
}

std::vector<ValueId> FormWriter::Emit(const Node& like, const std::string& op,
                                      std::vector<ValueId> inputs, std::size_t outputs,
                                      Attributes attributes, int opset) {
  Node node;
  node.name = like.name + "/" + op + std::to_string(graph_.values.size());
  node.op = op;
  node.opset = opset;
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < outputs; ++i) {
    Value value;
    value.name = node.name + ":" + std::to_string(i);
    node.outputs.push_back(graph_.AddValue(std::move(value)));
  }
  std::vector<ValueId> made = node.outputs;
  Add(std::move(node));
  return made;
}

ValueId FormWriter::Emit(const Node& like, const std::string& op, std::vector<ValueId> inputs,
                         Attributes attributes) {
  return Emit(like, op, std::move(inputs), 1, std::move(attributes), like.opset)[0];
}

void FormWriter::Become(Node& node, const std::string& op, std::vector<ValueId> inputs) {
  node.op = op;
  node.inputs = std::move(inputs);
  node.attributes = {};
}

Tensor IntsTensor(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace kinglet
