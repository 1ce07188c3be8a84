// Small valid nodes, one or more for each operator of the registry: what tests need that go through
// all of them. An operator whose inputs are plain tensors of one shape and type needs no entry.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/op/op.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_test.h"
#include "tests/support/subgraph.h"

namespace kinglet::test {

// Builds one graph. What `Give` gives is a constant or an input of the graph, as the test has it.
class FoldGraph {
 public:
  explicit FoldGraph(bool constant) : constant_(constant) {}

  ValueId Give(const Tensor& tensor) {
    if (constant_) return builder_.Constant(tensor);
    const std::string name = "input" + std::to_string(inputs_.size());
    inputs_.emplace(name, tensor);
    return builder_.Input(name, tensor.shape(), tensor.type());
  }
  ValueId Constant(const Tensor& tensor) { return builder_.Constant(tensor); }

  // Of the version 17 of its domain, or the nearest that the operator has, where none is said.
  std::vector<ValueId> Nodes(const std::string& op, std::vector<ValueId> inputs,
                             std::size_t outputs, Attributes attributes = {},
                             const std::string& domain = "", int opset = 0) {
    const std::vector<ValueId> made =
        builder_.Node(op, std::move(inputs), outputs, std::move(attributes));
    Node& node = builder_.ir().nodes.back();
    const OpDef* def = FindOp(domain, op);
    node.domain = domain;
    node.opset = opset > 0 || def == nullptr ? opset : std::clamp(17, def->since, def->until);
    return made;
  }
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, AttributeList attributes = {},
             const std::string& domain = "", int opset = 0) {
    return Nodes(op, std::move(inputs), 1, MakeAttributes(attributes), domain, opset)[0];
  }
  void Output(ValueId id) { builder_.Output(id, "output" + std::to_string(outputs_++)); }

  // What `id` is in a subgraph: a constant there too, or captured.
  ValueId Inside(kinglet::testing::GraphBuilder& inside, ValueId id) {
    const Value& value = builder_.ir().value(id);
    if (value.is_constant()) return inside.ir().AddConstant(value.name, value.constant);
    return kinglet::testing::CaptureOf(inside, builder_, id);
  }

  Graph Take() { return builder_.Take(); }
  const Tensors& inputs() const { return inputs_; }

 private:
  bool constant_;
  kinglet::testing::GraphBuilder builder_;
  Tensors inputs_;
  int outputs_ = 0;
};

struct FoldCase {
  std::string op;
  std::string domain;
  std::function<void(FoldGraph&)> build;
};

// A node of these inputs (undefined: absent) and as many outputs.
FoldCase Simple(const std::string& op, std::vector<Tensor> inputs,
                std::vector<std::pair<const char*, Attribute>> attributes = {},
                std::size_t outputs = 1, const std::string& domain = "", int opset = 0);

// The entries, in any order.
const std::vector<FoldCase>& FoldCases();
// Those of fold_cases_more.cc.
void AddSequenceModels(std::vector<FoldCase>& cases);
void AddSignals(std::vector<FoldCase>& cases);
void AddImages(std::vector<FoldCase>& cases);
void AddIntegers(std::vector<FoldCase>& cases);
void AddContributed(std::vector<FoldCase>& cases);

// Nodes of the operator with as many inputs as it needs, each of one shape and type: which of them
// are valid is for the caller to find out.
std::vector<FoldCase> GuessedCases(const OpDef& op);

}  // namespace kinglet::test
