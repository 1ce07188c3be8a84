#include "engine/ops/elementwise.h"

#include <string>

namespace kinglet {

kernels::Epilogue FusedEpilogue(const Fusion& fusion) {
  using kernels::Activation;
  const auto activation = [&] {
    switch (fusion.activation) {
      case FusedActivation::kRelu:
        return Activation::kRelu;
      case FusedActivation::kClip:
        return Activation::kClip;
      case FusedActivation::kLeakyRelu:
        return Activation::kLeakyRelu;
      case FusedActivation::kSigmoid:
        return Activation::kSigmoid;
      case FusedActivation::kHardSigmoid:
        return Activation::kHardSigmoid;
      case FusedActivation::kHardSwish:
        return Activation::kHardSwish;
      case FusedActivation::kSwish:
        return Activation::kSilu;
      case FusedActivation::kNone:
        break;
    }
    return Activation::kNone;
  }();
  return {activation, fusion.alpha, fusion.beta};
}

ActivationFn::ActivationFn(const Fusion& fusion) {
  const kernels::Epilogue epilogue = FusedEpilogue(fusion);
  if (epilogue.activation == kernels::Activation::kNone) return;
  function_ = kernels::GetUnary(kernels::UnaryOf(epilogue.activation));
  alpha_ = epilogue.activation == kernels::Activation::kSilu ? 1.0f : epilogue.alpha;
  beta_ = epilogue.beta;
  keeps_zero_ = kernels::KeepsZero(epilogue);
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
