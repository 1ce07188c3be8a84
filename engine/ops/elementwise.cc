#include "engine/ops/elementwise.h"

#include <algorithm>
#include <cmath>
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

namespace {

float ActivateOne(const kernels::Epilogue& e, float x) {
  using kernels::Activation;
  switch (e.activation) {
    case Activation::kLeakyRelu:
      return x < 0 ? e.alpha * x : x;
    case Activation::kSigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Activation::kHardSigmoid:
      return std::clamp(e.alpha * x + e.beta, 0.0f, 1.0f);
    case Activation::kHardSwish:
      return x * std::clamp(x / 6.0f + 0.5f, 0.0f, 1.0f);
    case Activation::kSilu:
      return x / (1.0f + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
    default:
      x = x < kernels::ClampLow(e) ? kernels::ClampLow(e) : x;
      return x > kernels::ClampHigh(e) ? kernels::ClampHigh(e) : x;
  }
}

}  // namespace

void ApplyEpilogue(const kernels::Epilogue& epilogue, float* values, std::int64_t count) {
  if (epilogue.activation == kernels::Activation::kNone) return;
  for (std::int64_t i = 0; i < count; ++i) values[i] = ActivateOne(epilogue, values[i]);
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
