#include "engine/ops/elementwise.h"

#include <string>

namespace kinglet {

kernels::Epilogue FusedEpilogue(const Fusion& fusion) {
  return {fusion.activation, fusion.alpha, fusion.beta};
}

ActivationFn::ActivationFn(const Fusion& fusion) {
  if (fusion.activation == Activation::kNone) return;
  function_ = kernels::GetUnary(kernels::UnaryOf(fusion.activation));
  alpha_ = fusion.alpha;
  beta_ = fusion.beta;
  keeps_zero_ = kernels::KeepsZero(FusedEpilogue(fusion));
}

std::string ElementwiseId(const NodeContext& context, DataType type) {
  std::string id = "eltwise/";
  for (const char c : context.node().op) {
    id += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return id + '_' + (type == DataType::kFloat32 ? "f32" : DataTypeName(type));
}

void RequireType(const NodeContext& context, std::size_t i, DataType type) {
  if (context.InputType(i) == type) return;
  context.Invalid("input " + std::to_string(i) + " has type " + DataTypeName(context.InputType(i)) +
                  ", expected " + DataTypeName(type));
}

void RequireEqualTypes(const NodeContext& context, std::size_t count) {
  for (std::size_t i = 1; i < count; ++i) {
    if (context.HasInput(i)) RequireType(context, i, context.InputType(0));
  }
}

void RequireFloat(const NodeContext& context, std::size_t i) {
  const DataType type = context.InputType(i);
  if (type == DataType::kFloat32 || type == DataType::kFloat64) return;
  context.Unsupported("input " + std::to_string(i) + " has type " + DataTypeName(type) +
                      ", supported are float32 and float64");
}

}  // namespace kinglet
