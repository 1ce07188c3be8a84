#include "engine/ops/choice.h"

#include <utility>

#include "engine/cost/cost_model.h"

namespace kinglet {
ChoiceKey FloatChoice(const PlanContext& context, std::string family,
                      std::vector<std::int64_t> shape) {
  constexpr auto kFloat = kernels::ElementType::kFloat32;
  const Fusion& fusion = context.node().fusion;
  return {.family = std::move(family),
          .shape = std::move(shape),
          .types = {kFloat, kFloat, kFloat},
          .activation = fusion.activation == Activation::kNone ? "none" : kernels::FactsOf(fusion.activation).op,
          .residual = fusion.residual,
          .threads = context.threads(),
          .neighbours = context.cost().neighbours};
}

}  // namespace kinglet
