// Values that are functions of one 8-bit code each: the codes of the results are a table.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/passes/code_graph.h"
#include "kinglet/limits.h"

namespace kinglet {

class CodeFunctions {
 public:
  CodeFunctions(CodeGraph& graph, const Limits& limits) : graph_(graph), limits_(limits) {}

  // Of a node that stays: what it makes of codes, if its only results are such functions.
  void Remember(const Node& node);
  // kinglet.CodeTable in place of the node QuantizeLinear, if its input is such a function.
  bool EmitTable(const Node& quantize);

 private:
  struct Function {
    Codes of;
    Tensor values;  // float32 [256]: of each code, by its bits
  };

  std::optional<Function> Behind(ValueId id) const;
  std::optional<Tensor> ScalarBehind(ValueId id, ValueId beside) const;
  bool IsScalar(ValueId id, ValueId beside) const;
  std::optional<Tensor> Evaluate(const Node& node, const std::vector<Tensor>& inputs) const;

  CodeGraph& graph_;
  const Limits limits_;
  std::map<ValueId, Function> functions_;
};

}  // namespace kinglet
