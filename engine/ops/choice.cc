#include "engine/ops/choice.h"

#include <utility>

#include "engine/cost/cost_model.h"

namespace kinglet {
namespace {

const char* ActivationName(FusedActivation activation) {
  switch (activation) {
    case FusedActivation::kRelu:
      return "Relu";
    case FusedActivation::kClip:
      return "Clip";
    case FusedActivation::kLeakyRelu:
      return "LeakyRelu";
    case FusedActivation::kSigmoid:
      return "Sigmoid";
    case FusedActivation::kHardSigmoid:
      return "HardSigmoid";
    case FusedActivation::kHardSwish:
      return "HardSwish";
    case FusedActivation::kSwish:
      return "Swish";
    case FusedActivation::kNone:
      break;
  }
  return "none";
}

}  // namespace

ChoiceKey FloatChoice(const PlanContext& context, std::string family,
                      std::vector<std::int64_t> shape) {
  constexpr auto kFloat = kernels::ElementType::kFloat32;
  const Fusion& fusion = context.node().fusion;
  return {.family = std::move(family),
          .shape = std::move(shape),
          .types = {kFloat, kFloat, kFloat},
          .activation = ActivationName(fusion.activation),
          .residual = fusion.residual,
          .threads = context.threads(),
          .neighbours = context.cost().neighbours};
}

}  // namespace kinglet
