#include "engine/ops/choice.h"

#include <utility>

#include "engine/cost/cost_model.h"
#include "kernels/common/activation.h"

namespace kinglet {

ChoiceKey MakeChoiceKey(const PlanContext& context, std::string family,
                        std::vector<std::int64_t> shape, const kernels::OperandTypes& types) {
  const Fusion& fusion = context.node().fusion;
  const bool activates = fusion.activation != Activation::kNone;
  return {.family = std::move(family),
          .shape = std::move(shape),
          .types = {types.input, types.weights, types.output},
          .activation = activates ? kernels::FactsOf(fusion.activation).op : "none",
          .residual = fusion.residual,
          .threads = ThreadsToChooseFor(context.cost(), context.threads()),
          .neighbours = context.cost().neighbours};
}

void AddFusedActivation(const PlanContext& context, kernels::Work& work) {
  work.stage().AddActivation(context.node().fusion.activation,
                             static_cast<double>(ElementCount(context.OutputShape(0))));
}

}  // namespace kinglet
