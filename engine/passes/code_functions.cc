#include "engine/passes/code_functions.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/graph/contrib.h"
#include "engine/graph/fusion.h"
#include "engine/infer/evaluate.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr std::int64_t kCodeCount = 256;

// Each output element is a function of that of input 0, other inputs being scalar constants.
constexpr std::array<std::string_view, 37> kFunctions = {"Abs",
                                                         "Add",
                                                         "Ceil",
                                                         "Celu",
                                                         "Clip",
                                                         "Cos",
                                                         "Div",
                                                         "Elu",
                                                         "Erf",
                                                         "Exp",
                                                         "Floor",
                                                         "Gelu",
                                                         "HardSigmoid",
                                                         "HardSwish",
                                                         "LeakyRelu",
                                                         "Log",
                                                         "Max",
                                                         "Min",
                                                         "Mish",
                                                         "Mul",
                                                         "Neg",
                                                         "PRelu",
                                                         "Pow",
                                                         "Reciprocal",
                                                         "Relu",
                                                         "Round",
                                                         "Selu",
                                                         "Sigmoid",
                                                         "Sign",
                                                         "Sin",
                                                         "Softplus",
                                                         "Softsign",
                                                         "Sqrt",
                                                         "Sub",
                                                         "Swish",
                                                         "Tanh",
                                                         "ThresholdedRelu"};

bool IsFunction(std::string_view op) {
  return std::find(kFunctions.begin(), kFunctions.end(), op) != kFunctions.end();
}

}  // namespace

std::optional<CodeFunctions::Function> CodeFunctions::Behind(ValueId id) const {
  const auto it = functions_.find(id);
  if (it != functions_.end()) return it->second;
  const Codes* codes = graph_.CodesBehind(id);
  if (codes == nullptr || graph_.IsConstant(*codes)) return {};
  Tensor values(DataType::kFloat32, {kCodeCount});
  for (std::int32_t bits = 0; bits < kCodeCount; ++bits) {
    const std::int32_t code = codes->type == DataType::kInt8 && bits > 127 ? bits - 256 : bits;
    values.data<float>()[bits] = static_cast<float>(code - codes->zero_point) * codes->step;
  }
  return Function{*codes, std::move(values)};
}

// A constant of one element that does not add dimensions to what it is combined with.
bool CodeFunctions::IsScalar(ValueId id, ValueId beside) const {
  const Tensor* constant = graph_.graph().ConstantOf(id);
  if (constant == nullptr || constant->size() != 1) return false;
  const auto rank = graph_.RankOf(beside);
  return constant->shape().size() <= (rank ? *rank : 1);
}

void CodeFunctions::Remember(const Node& node) {
  const bool ours = node.domain == kKingletDomain || node.domain == kContribDomain;
  if ((!node.domain.empty() && !ours) || !IsFunction(node.op)) return;
  if (node.outputs.size() != 1 || !node.fusion.empty()) return;
  std::optional<Function> function;
  ValueId argument = kNoValue;
  std::vector<Tensor> inputs(node.inputs.size());
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNoValue) continue;
    if (auto f = Behind(id)) {
      if (function && function->of.codes != f->of.codes) return;
      inputs[i] = f->values;
      argument = id;
      if (!function) function = std::move(f);
    }
  }
  if (!function) return;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNoValue || inputs[i].defined()) continue;
    if (const auto scalar = ScalarBehind(id, argument)) {
      inputs[i] = *scalar;
    } else {
      return;
    }
  }
  if (auto values = Evaluate(node, inputs)) {
    functions_[node.outputs[0]] = {function->of, std::move(*values)};
  }
}

// The constant scalar `id`, which codes may stand for.
std::optional<Tensor> CodeFunctions::ScalarBehind(ValueId id, ValueId beside) const {
  if (IsScalar(id, beside)) return graph_.graph().ConstantOf(id)->Reshaped({});
  const Codes* codes = graph_.CodesBehind(id);
  if (codes == nullptr || !IsScalar(codes->codes, beside)) return {};
  const std::int32_t code = FirstCode(*graph_.graph().ConstantOf(codes->codes));
  return Tensor::From<float>({}, {static_cast<float>(code - codes->zero_point) * codes->step});
}

// The only result of a node for 256 values; none where it is not that.
std::optional<Tensor> CodeFunctions::Evaluate(const Node& node,
                                              const std::vector<Tensor>& inputs) const {
  std::vector<const Tensor*> given;
  for (const Tensor& tensor : inputs) given.push_back(tensor.defined() ? &tensor : nullptr);
  try {
    std::vector<Tensor> made = EvaluateNode(node, given, limits_);
    if (made.size() == 1 && made[0].defined() && made[0].size() == kCodeCount) {
      return made[0].Reshaped({kCodeCount});
    }
  } catch (const Error&) {
    // It is as wrong when the graph runs, and says so there.
  }
  return {};
}

bool CodeFunctions::EmitTable(const Node& quantize) {
  const auto function = Behind(quantize.input(0));
  if (!function) return false;
  const auto codes = Evaluate(
      quantize,
      {function->values, *graph_.graph().ConstantOf(quantize.input(1)),
       quantize.input(2) == kNoValue ? Tensor() : *graph_.graph().ConstantOf(quantize.input(2))});
  if (!codes || DataTypeSize(codes->type()) != 1) return false;
  const ValueId table = graph_.Constant(quantize.name + "/table", *codes);
  graph_.Emit(quantize, "CodeTable", kKingletDomain, {function->of.codes, table},
              quantize.outputs[0]);
  return true;
}

}  // namespace kinglet
