#include "engine/ops/conv_choice.h"

#include <vector>

#include "engine/cost/choose.h"
#include "engine/cost/cost_model.h"
#include "engine/ops/choice.h"
#include "kernels/conv/choose.h"

namespace kinglet {
namespace {

ChoiceKey KeyOf(const PlanContext& context, const kernels::ConvShape& s,
                const kernels::OperandTypes& types) {
  return MakeChoiceKey(context, "conv",
                       {s.n, s.ic, s.ih, s.iw, s.oc, s.oh, s.ow, s.kh, s.kw, s.sh, s.sw, s.dh, s.dw,
                        s.pad_top, s.pad_left, s.groups},
                       types);
}

}  // namespace

void ChosenConv::Describe(Step& step) const {
  step.choice = key;
  step.work = work;
  step.measured_seconds = measured_seconds;
}

ChosenConv ChooseConvVariant(const PlanContext& context, const kernels::ConvShape& shape,
                             const kernels::OperandTypes& types, bool followed) {
  const kernels::ConvNeighbours neighbours{
      .may_block = context.InputShape(0).size() == 4 && !context.IsKnown(0),
      .input_blocked = context.IsBlocked(0),
      .winograd = context.cost().winograd,
      .types = types,
      .followed = followed};
  const auto ranked =
      kernels::RankConvVariants(shape, ThreadsToChooseFor(context.cost(), context.threads()),
                                context.cost().machine, neighbours);
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    candidates.push_back({.index = i,
                          .kernel = ranked[i].variant->id,
                          .revision = ranked[i].variant->revision,
                          .seconds = ranked[i].seconds - ranked[i].around_seconds,
                          .around_seconds = ranked[i].around_seconds});
  }
  ChosenConv chosen{nullptr, KeyOf(context, shape, types), {}, 0};
  if (followed) chosen.key.residual = true;
  if (const Candidate* best = Choose(candidates, chosen.key, context.cost())) {
    chosen.variant = ranked[best->index].variant;
    chosen.work = chosen.variant->work(shape, context.threads());
    AddFusedActivation(context, chosen.work);
    chosen.measured_seconds = best->measured ? best->seconds : 0;
  }
  return chosen;
}

}  // namespace kinglet
