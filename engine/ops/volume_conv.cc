#include "engine/ops/volume_conv.h"

#include <span>
#include <utility>
#include <vector>

#include "engine/cost/choose.h"
#include "engine/cost/cost_model.h"
#include "engine/ops/choice.h"
#include "engine/ops/conv_step.h"
#include "kernels/common/predict.h"
#include "kernels/layout/layout.h"

namespace kinglet {
namespace {

// What changing the layout around a variant costs, as kernels/conv/choose.h counts it.
double AroundSeconds(const PlanContext& context, const kernels::VolumeVariant& variant,
                     const kernels::VolumeShape& s, int threads) {
  if (context.InputShape(0).size() != 4) return 0;
  const auto& y = s.axes[1];
  const auto& x = s.axes[2];
  const auto& machine = context.cost().machine;
  double total = 0;
  if (variant.input.blocked() != context.IsBlocked(0)) {
    total += kernels::PredictSeconds(kernels::ReorderWork(s.n, s.ic, y.in, x.in, threads), machine);
  }
  constexpr std::int64_t kFewChannels = 3;
  if (!variant.output.blocked() && s.oc > kFewChannels) {
    total +=
        kernels::PredictSeconds(kernels::ReorderWork(s.n, s.oc, y.out, x.out, threads), machine);
  }
  return total;
}

std::vector<std::int64_t> NumbersOf(const kernels::VolumeShape& s) {
  std::vector<std::int64_t> numbers = {s.n, s.ic, s.oc, s.groups};
  for (const kernels::VolumeAxis& a : s.axes) {
    numbers.insert(numbers.end(), {a.in, a.out, a.kernel, a.stride, a.dilation, a.pad});
  }
  return numbers;
}

}  // namespace

kernels::VolumeShape VolumeShapeOf(const PlanContext& context, const Window& window,
                                   bool transposed) {
  kernels::VolumeShape s;
  s.n = context.InputShape(0)[0];
  s.ic = context.InputShape(0)[1];
  s.oc = context.OutputShape(0)[1];
  s.groups = context.attributes().Int("group", 1);
  s.transposed = transposed;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    s.axes[kMaxVolumeRank - window.rank() + i] = {
        context.InputShape(0)[i + 2], window.output[i],    window.kernel[i], window.strides[i],
        window.dilations[i],          window.pads_begin[i]};
  }
  return s;
}

bool IsVolumeConv(const PlanContext& context) {
  return context.InputType(0) == DataType::kFloat32 && context.IsKnown(1) &&
         (!context.HasInput(2) || context.IsKnown(2)) && ElementCount(context.OutputShape(0)) > 0 &&
         ElementCount(context.InputShape(1)) > 0;
}

std::unique_ptr<Step> PlanVolumeConv(PlanContext& context, const char* family,
                                     const kernels::VolumeShape& shape) {
  const int threads = ThreadsToChooseFor(context.cost(), context.threads());
  const auto& machine = context.cost().machine;
  // What is known before running is computed on plain tensors.
  const bool may_block = context.InputShape(0).size() == 4 && !context.IsKnown(0);
  const std::span<const kernels::VolumeVariant> variants = kernels::VolumeVariants();
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const kernels::VolumeVariant& variant = variants[i];
    if (!variant.supports(shape) || (variant.output.blocked() && !may_block)) continue;
    candidates.push_back(
        {.index = i,
         .kernel = variant.id,
         .revision = variant.revision,
         .seconds = kernels::PredictSeconds(variant.work(shape, threads), machine),
         .around_seconds = may_block ? AroundSeconds(context, variant, shape, threads) : 0});
  }
  ChoiceKey key = MakeChoiceKey(context, family, NumbersOf(shape), {});
  const Candidate best = *Choose(candidates, key, context.cost());
  const kernels::VolumeVariant& variant = variants[best.index];
  auto step = MakeConvStep(context, variant, shape);
  step->choice = std::move(key);
  step->work = variant.work(shape, context.threads());
  AddFusedActivation(context, step->work);
  step->measured_seconds = best.measured ? best.seconds : 0;
  return step;
}

}  // namespace kinglet
